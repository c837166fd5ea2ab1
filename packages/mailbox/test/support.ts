import { createHash } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { nodeId, packetId, type NodeId, type PacketId, type Sealed } from "@multifleet/core";
import { afterEach } from "vitest";
import {
  openMailbox,
  type Arrival,
  type Draft,
  type Mailbox,
  type MailboxOptions,
  type Slot,
} from "../src/index.js";

export const mac1: NodeId = nodeId("mac1");
export const mac2: NodeId = nodeId("mac2");

const ends: (() => void | Promise<void>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).toReversed()) await end();
});

/** Has something undone after the test, the last first. */
export function afterTest(end: () => void | Promise<void>): void {
  ends.push(end);
}

/** An empty directory that goes away after the test. */
export function emptyDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), "mailbox-"));
  afterTest(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

/** A mailbox that is closed after the test, if it is still open. */
export async function open(options: Partial<MailboxOptions> = {}): Promise<Mailbox> {
  const mailbox = await openMailbox({ directory: join(emptyDirectory(), "store"), ...options });
  afterTest(() => mailbox.close());
  return mailbox;
}

export function sha256(text: string): Uint8Array {
  return new Uint8Array(createHash("sha256").update(text).digest());
}

export function draft(id: string, given: Partial<Draft> = {}): Draft {
  return {
    id: packetId(id),
    kind: "message",
    to: mac2,
    type: "context",
    session: "",
    toSession: "",
    replyTo: "",
    key: "",
    subject: `subject of ${id}`,
    via: "",
    created: 1_000,
    expires: 2_000,
    fingerprint: sha256(id),
    ...given,
  };
}

/** Seals by writing the id and the slot down, so that a test can read both again. */
export function sealer(id: string, size = 0): (slot: Slot) => Sealed {
  return (slot) => {
    const text = JSON.stringify({ id, seq: slot.seq, base: slot.base, prev: slot.prev });
    return { bytes: new TextEncoder().encode(text.padEnd(size)), digest: sha256(text) };
  };
}

export interface Unsealed {
  readonly id: string;
  readonly seq: number;
  readonly base: number;
  readonly prev: number;
}

export function unseal(bytes: Uint8Array | undefined): Unsealed {
  return JSON.parse(new TextDecoder().decode(bytes)) as Unsealed;
}

export function accept(mailbox: Mailbox, id: string, given: Partial<Draft> = {}) {
  return mailbox.accept(draft(id, given), sealer(id));
}

export const settlement = (state: "delivered" | "expired" | "rejected" | "cancelled", at = 5_000) => ({
  state,
  reason: state === "rejected" ? "unknown_recipient" : "",
  at,
  attempts: [],
  ...(state === "delivered" && { receipt: new Uint8Array([1, 2, 3]) }),
});

export const streamA = new Uint8Array(16).fill(0xa);

export function arrival(seq: number, given: Partial<Arrival> = {}): Arrival {
  const id = given.id ?? packetId(`m${seq}`);
  return {
    id,
    kind: "message",
    from: mac1,
    stream: streamA,
    seq,
    base: 1,
    prev: 0,
    digest: sha256(`${id} ${seq}`),
    type: "context",
    session: "s1",
    toSession: "",
    replyTo: "",
    key: "",
    subject: `subject ${seq}`,
    body: `body ${seq}`,
    created: 1_000,
    expires: 9_000,
    idempotent: false,
    channel: "http",
    receivedAt: 2_000,
    owe: false,
    ...given,
  };
}

/** Numbers from a seed, evenly below `limit` (mulberry32). */
export function random(seed: number): (limit: number) => number {
  let state = seed >>> 0;
  return (limit) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let value = Math.imul(state ^ (state >>> 15), state | 1);
    value ^= value + Math.imul(value ^ (value >>> 7), value | 61);
    return Math.floor((((value ^ (value >>> 14)) >>> 0) / 4_294_967_296) * limit);
  };
}

/** A seed for this run, which is printed so that the run can be had again: `SEED=... npx vitest run ...`. */
export function newSeed(name: string): number {
  const seed = Number(process.env["SEED"] ?? Math.floor(Math.random() * 2 ** 32));
  console.info(`${name}: SEED=${seed}`);
  return seed;
}

export const ids = (items: readonly { readonly id: PacketId }[]): string[] => items.map(({ id }) => id);
