import type { NodeId, PacketId } from "@multifleet/core";
import { Commits } from "./commits.js";
import { Counted } from "./counted.js";
import { Drawer } from "./drawer.js";
import type { MailboxError } from "./errors.js";
import { Inbox } from "./inbox.js";
import { meta } from "./keys.js";
import type { Attempt, Mailbox, Settlement } from "./mailbox.js";
import { Outbox, type Limits } from "./outbox.js";
import { Reader } from "./reader.js";
import { Settling } from "./settling.js";
import type { Store } from "./store/store.js";
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

/** What keeps others from writing; to be released behind the last commit. */
export interface Claim {
  release(): void;
}

/** The mailbox over an open store, which nobody else writes. */
export class StoredMailbox extends Reader implements Mailbox {
  readonly stream: Uint8Array;
  readonly #commits: Commits;
  readonly #counted: Counted;
  readonly #outbox: Outbox;
  readonly #settling: Settling;
  readonly #inbox: Inbox;
  readonly #drawer: Drawer;
  readonly #claim: Claim;
  #closed: Promise<void> | undefined;

  constructor(
    store: Store,
    claim: Claim,
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
