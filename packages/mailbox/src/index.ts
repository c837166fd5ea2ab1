/**
 * A node's durable memory: outbox, inbox, receipts and the dedupe marks, in one LMDB file that other processes may read.
 *
 * @packageDocumentation
 */
export * from "./errors.js";
export type * from "./mailbox.js";
export { openMailbox, openMailboxReader } from "./open.js";
export type { Limits } from "./outbox.js";
export type { MailboxOptions } from "./stored-mailbox.js";
export { processMark } from "./store/process.js";
