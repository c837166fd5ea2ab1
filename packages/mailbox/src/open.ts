import { randomBytes } from "node:crypto";
import { statSync } from "node:fs";
import { join, resolve } from "node:path";
import type { NodeId, PacketId } from "@multifleet/core";
import { Commits } from "./commits.js";
import { Counted } from "./counted.js";
import { Drawer } from "./drawer.js";
import { MailboxError } from "./errors.js";
import { Inbox } from "./inbox.js";
import { meta } from "./keys.js";
import type { Attempt, Mailbox, MailboxReader, Settlement } from "./mailbox.js";
import { Outbox, type Limits } from "./outbox.js";
import { Reader } from "./reader.js";
import { format, formatRecord } from "./records.js";
import { Settling } from "./settling.js";
import { auditFile } from "./store/audit.js";
import { claimStore } from "./store/claim.js";
import { prepareDirectory } from "./store/directory.js";
import { dataFile, openStore, openStoreReader } from "./store/lmdb.js";
import type { Store, StoreReader } from "./store/store.js";
import { Upkeep } from "./upkeep.js";

export interface MailboxOptions {
  /** Where the store is, or is to be made; for this user alone. */
  readonly directory: string;
  /** What to say of ourselves to another process that wants the store. Default: the name of the running program. */
  readonly about?: string;
  /** Milliseconds since the epoch. Default `Date.now`. Only ages depend on it, and never whether a packet was taken before. */
  readonly now?: () => number;
  readonly limits?: Partial<Limits>;
  /** How long settled messages and surfaced items are kept, in milliseconds. Default 30 days. */
  readonly retention?: number;
  /** Called for every commit that failed, and for what was noted and could not be planned; whoever waits for a change is told, too. */
  readonly onError?: (error: MailboxError) => void;
  /** Called after every commit by which items came to be shown, those that had waited among them. */
  readonly onShown?: () => void;
}

const day = 86_400_000;
const defaults: Limits = { messages: 100_000, bytes: 1024 ** 3 };

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

class StoredMailbox extends Reader implements Mailbox {
  readonly stream: Uint8Array;
  readonly #commits: Commits;
  readonly #counted: Counted;
  readonly #outbox: Outbox;
  readonly #settling: Settling;
  readonly #inbox: Inbox;
  readonly #drawer: Drawer;
  readonly #claim: ReturnType<typeof claimStore>;
  #closed: Promise<void> | undefined;

  constructor(
    store: Store,
    claim: ReturnType<typeof claimStore>,
    stream: Uint8Array,
    {
      limits,
      retention = 30 * day,
      now = Date.now,
      onError = () => undefined,
      onShown = () => undefined,
    }: MailboxOptions,
  ) {
    super(store);
    this.stream = stream;
    this.#claim = claim;
    const reader = new Reader(store);
    this.#commits = new Commits(store, onError);
    this.#counted = new Counted(store);
    this.#outbox = new Outbox(reader, this.#commits, this.#counted, { ...defaults, ...limits }, stream);
    this.#settling = new Settling(reader, this.#commits, this.#counted, this.#outbox);
    this.#inbox = new Inbox(reader, this.#commits, this.#counted, once(onShown));
    this.#drawer = new Drawer(this.#commits);
    const upkeep = new Upkeep(
      { outbox: this.#outbox, settling: this.#settling, inbox: this.#inbox },
      retention,
      now,
    );
    this.#commits.onCommit((tx) => this.#commits.try(tx, (inner) => upkeep.plan(inner)));
    this.#commits.onCommit((tx) => this.#counted.write(tx));
  }

  accept(...[draft, seal]: Parameters<Mailbox["accept"]>): ReturnType<Mailbox["accept"]> {
    return this.#outbox.accept(draft, seal);
  }

  progress(id: PacketId, attempts: readonly Attempt[]): void {
    this.#settling.progress(id, attempts);
  }

  settle(id: PacketId, settlement: Settlement): Promise<boolean> {
    return this.#settling.settle(id, settlement);
  }

  markSurfaced(id: PacketId, at: number): Promise<boolean> {
    return this.#settling.markSurfaced(id, at);
  }

  base(peer: NodeId): number {
    return this.#outbox.base(peer);
  }

  take(arrival: Parameters<Mailbox["take"]>[0]): ReturnType<Mailbox["take"]> {
    return this.#inbox.take(arrival);
  }

  advance(from: NodeId, stream: Uint8Array, base: number): void {
    this.#inbox.advance(from, stream, base);
  }

  surface(id: PacketId, at: number, from?: NodeId): Promise<boolean> {
    return this.#inbox.surface(id, at, from);
  }

  remove(id: PacketId, from?: NodeId): Promise<boolean> {
    return this.#inbox.remove(id, from);
  }

  override owed(peer?: NodeId, limit?: number) {
    return this.#inbox.owed(peer, limit);
  }

  paid(to: NodeId, digest: Uint8Array): void {
    this.#inbox.paid(to, digest);
  }

  put(key: string, value: unknown): Promise<void> {
    return this.#drawer.put(key, value);
  }

  delete(key: string): Promise<void> {
    return this.#drawer.delete(key);
  }

  stats() {
    return { bytes: this.store.bytes, failing: this.#commits.failing, held: this.#counted.current("held") };
  }

  override close(): Promise<void> {
    return (this.#closed ??= this.#close());
  }

  async #close(): Promise<void> {
    await this.#commits.close((tx) => tx.delete(meta.owner));
    this.#claim.release();
    await super.close();
  }
}

/** Calls `action` once for all the calls of one commit, and from outside of it. */
function once(action: () => void): () => void {
  let called = false;
  return () => {
    if (called) return;
    called = true;
    queueMicrotask(() => {
      called = false;
      action();
    });
  };
}
