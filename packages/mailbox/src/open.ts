import { randomBytes } from "node:crypto";
import { statSync } from "node:fs";
import { join, resolve } from "node:path";
import { MailboxError } from "./errors.js";
import { meta } from "./keys.js";
import type { Mailbox, MailboxReader } from "./mailbox.js";
import { Reader } from "./reader.js";
import { format, formatRecord } from "./records.js";
import { auditFile } from "./store/audit.js";
import { claimStore } from "./store/claim.js";
import { prepareDirectory } from "./store/directory.js";
import { dataFile, openStore, openStoreReader } from "./store/lmdb.js";
import type { Store, StoreReader } from "./store/store.js";
import { StoredMailbox, type MailboxOptions } from "./stored-mailbox.js";

/**
 * Opens a node's mailbox, and makes it where there is none. Its file is checked from end to end first.
 * @throws MailboxError `IN_USE` (an `InUseError`), `CORRUPT`, `FULL`, `FAILED`. After a throw nothing is left open.
 */
export async function openMailbox(options: MailboxOptions): Promise<Mailbox> {
  const directory = resolve(options.directory);
  prepareDirectory(directory);
  auditFile(join(directory, dataFile), advice(directory));
  const store = openStore(directory);
  try {
    return await start(store, directory, options);
  } catch (error) {
    await store.close();
    throw error;
  }
}

/** Opens a mailbox for reading beside the process that writes it. @throws MailboxError `CORRUPT`, `FAILED`. */
export async function openMailboxReader(options: { readonly directory: string }): Promise<MailboxReader> {
  const directory = resolve(options.directory);
  if (statSync(join(directory, dataFile), { throwIfNoEntry: false }) === undefined)
    throw new MailboxError("FAILED", `there is no store in ${directory}`);
  auditFile(join(directory, dataFile), advice(directory));
  const store = openStoreReader(directory);
  try {
    if (readFormat(store, directory) === undefined)
      throw new MailboxError("FAILED", `the store in ${directory} is not made yet`);
    return new Reader(store);
  } catch (error) {
    await store.close();
    throw error;
  }
}

async function start(store: Store, directory: string, options: MailboxOptions): Promise<Mailbox> {
  const now = options.now ?? Date.now;
  const known = readFormat(store, directory);
  const claim = claimStore(store, options.about ?? process.title, now());
  try {
    const made = known ?? (await make(store, now()));
    return new StoredMailbox(store, claim, made.stream, options);
  } catch (error) {
    claim.release();
    throw error;
  }
}

async function make(store: Store, now: number) {
  const made = { format, stream: new Uint8Array(randomBytes(16)), made: now };
  await store.commit([new Map([[meta.format, formatRecord.encode(meta.format, made)]])]);
  return made;
}

function readFormat(store: StoreReader, directory: string) {
  const stored = store.get(meta.format);
  if (stored === undefined) {
    // A store whose maker was stopped has an owner and nothing else.
    const [first, second] = store.range({ from: "\0", to: "\u{10ffff}", limit: 2 });
    if (first === undefined || (first.key === meta.owner && second === undefined)) return undefined;
    throw new MailboxError("CORRUPT", `the store in ${directory} is another program's. ${advice(directory)}`);
  }
  const known = formatRecord.decode(meta.format, stored);
  if (known.format === format) return known;
  throw new MailboxError(
    "CORRUPT",
    `the store in ${directory} has format ${known.format}, and this version reads ${format}: use the version that made it`,
  );
}

function advice(directory: string): string {
  return (
    `Nothing was changed. To start anew, move ${directory} away: what it holds (messages that are not delivered, the inbox, and the ` +
    "memory of what was taken) stays in it, and this node goes on without."
  );
}
