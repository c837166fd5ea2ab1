import type { NodeId, PacketId } from "@multifleet/core";
import type { Commits } from "./commits.js";
import type { Counted } from "./counted.js";
import { inboxKeys as keys, within } from "./keys.js";
import type { Arrival, Owed, Taken } from "./mailbox.js";
import type { Reader } from "./reader.js";
import {
  bytesRecord,
  emptyRecord,
  entryRecord,
  numberRecord,
  owedRecord,
  surfacingRecord,
  type Content,
} from "./records.js";
import { Showing } from "./showing.js";
import { Sources, type Source } from "./sources.js";
import { scan } from "./store/store.js";
import type { Transaction } from "./transaction.js";

/** How many surfaced items one commit forgets. */
const maxForgotten = 32;

/** Taking: each packet of a stream once, for ever. */
export class Inbox {
  readonly #reader: Reader;
  readonly #commits: Commits;
  readonly #counted: Counted;
  readonly #sources: Sources;
  readonly #showing: Showing;
  /** The highest base noted of each stream, until its commit. */
  readonly #advances = new Map<string, number>();
  /** Debts noted as paid, until their commit. */
  readonly #paid = new Set<string>();

  constructor(reader: Reader, commits: Commits, counted: Counted, onShown: () => void) {
    this.#reader = reader;
    this.#commits = commits;
    this.#counted = counted;
    this.#sources = new Sources(reader.store, counted);
    this.#showing = new Showing(counted, this.#sources, onShown, (source) => this.#goOn(source));
    commits.onCommit((tx) => {
      this.#showing.renew();
      this.#sources.write(tx);
    });
    this.#resume();
  }

  take(arrival: Arrival): Promise<Taken> {
    return this.#commits.request((tx) => {
      const source = this.#sources.source(arrival.from, arrival.stream);
      this.#raise(tx, source, arrival.base);
      const { number, floor } = this.#sources.state(tx, source);
      const key = keys.entry(number, arrival.seq);
      const stored = tx.get(key);
      if (stored === undefined)
        return arrival.seq < floor ? { code: "stale" } : this.#takeNew(tx, source, number, arrival);
      const entry = entryRecord.decode(key, stored);
      if (Buffer.compare(entry.digest, arrival.digest) !== 0) return { code: "conflict" };
      const { outcome, reason } = entry;
      if (arrival.owe) this.#owe(tx, number, arrival, outcome, reason);
      return { code: "again", outcome, reason };
    });
  }

  advance(from: NodeId, stream: Uint8Array, base: number): void {
    const source = this.#sources.source(from, stream);
    const known = this.#sources.known(source);
    if (base <= Math.max(known?.floor ?? 1, this.#advances.get(source.key) ?? 0)) return;
    this.#advances.set(source.key, base);
    const plan = (tx: Transaction) => {
      this.#raise(tx, source, base);
      tx.after(() => this.#advances.delete(source.key));
    };
    // Nobody waits for a floor, but somebody may wait for an item that it lets go.
    this.#commits.note(`advance/${source.key}`, plan, { now: known !== undefined && known.held > 0 });
  }

  surface(id: PacketId, at: number, from?: NodeId): Promise<boolean> {
    return this.#commits.request((tx) => {
      const position = this.#reader.position(tx, id, from);
      const content = position === undefined ? undefined : this.#reader.content(position, tx);
      if (position === undefined || content === undefined) return false;
      if (tx.get(keys.unsurfaced(position)) === undefined) return false;
      tx.delete(keys.unsurfaced(position));
      tx.delete(keys.session(content.toSession, false, position));
      const session = keys.session(content.toSession, true, position);
      tx.put(session, emptyRecord.encode(session, undefined));
      tx.put(keys.surfacedAt(position), numberRecord.encode(keys.surfacedAt(position), at));
      const surfacing = keys.surfacing(this.#counted.count(tx, "surfacing"));
      tx.put(surfacing, surfacingRecord.encode(surfacing, { position, at }));
      return true;
    });
  }

  remove(id: PacketId, from?: NodeId): Promise<boolean> {
    return this.#commits.request((tx) => {
      const position = this.#reader.position(tx, id, from);
      return position !== undefined && this.#remove(tx, position);
    });
  }

  /** Receipts that are owed; those noted as paid are not, though the store may not know yet. */
  owed(peer?: NodeId, limit = 1_000): Owed[] {
    const paid = (to: NodeId, digest: Uint8Array) => this.#paid.has(keys.owed(to, digest));
    return this.#reader
      .owed(peer, limit + this.#paid.size)
      .filter(({ to, digest }) => !paid(to, digest))
      .slice(0, limit);
  }

  paid(to: NodeId, digest: Uint8Array): void {
    const key = keys.owed(to, digest);
    this.#paid.add(key);
    this.#commits.note(key, (tx) => {
      if (tx.get(key) !== undefined) tx.delete(key);
      tx.after(() => this.#paid.delete(key));
    });
  }

  /** Plans to forget items that were surfaced before `time`, a little of it; gives the age of the oldest that stays, as far as it looked. */
  forget(tx: Transaction, time: number): number {
    const entries = tx.range({ ...within("z/"), limit: maxForgotten });
    for (const { key, value } of entries) {
      const { position, at } = surfacingRecord.decode(key, value);
      if (at >= time) return at;
      tx.delete(key);
      this.#remove(tx, position);
    }
    return entries.length < maxForgotten ? Number.POSITIVE_INFINITY : time;
  }

  #takeNew(tx: Transaction, source: Source, number: number, arrival: Arrival): Taken {
    const { kind, seq, prev, digest, reject, owe } = arrival;
    const [outcome, reason] =
      reject === undefined ? (["delivered", ""] as const) : (["rejected", reject] as const);
    const shown = kind === "message" && reject === undefined;
    const content = contentOf(arrival, shown);
    const held = prev > 0 && prev < seq && this.#showing.waits(tx, source, prev);
    const key = keys.entry(number, seq);
    tx.put(key, entryRecord.encode(key, { digest, outcome, reason, held }));
    if (owe) this.#owe(tx, number, arrival, outcome, reason);
    if (held) this.#showing.hold(tx, source, prev, seq, content, shown);
    else {
      if (shown) this.#showing.show(tx, content);
      this.#showing.release(tx, source, seq);
    }
    return { code: "fresh", outcome, reason };
  }

  #owe(
    tx: Transaction,
    source: number,
    arrival: Arrival,
    outcome: "delivered" | "rejected",
    reason: string,
  ): void {
    const { id, from, digest, stream, seq } = arrival;
    const key = keys.owed(from, digest);
    tx.put(key, owedRecord.encode(key, { owed: { id, to: from, digest, outcome, reason }, stream, seq }));
    const debt = keys.debt(source, seq);
    tx.put(debt, bytesRecord.encode(debt, digest));
    // A payment that was noted was for the time before.
    this.#commits.forget(key);
    this.#paid.delete(key);
  }

  #raise(tx: Transaction, source: Source, base: number): void {
    if (this.#sources.raise(tx, source, base)) this.#showing.releaseBelow(tx, source);
  }

  #remove(tx: Transaction, position: number): boolean {
    const content = this.#reader.content(position, tx);
    if (content === undefined) return false;
    for (const key of [
      keys.item(position),
      keys.unsurfaced(position),
      keys.surfacedAt(position),
      keys.session(content.toSession, false, position),
      keys.session(content.toSession, true, position),
      keys.id(content.id, position),
    ])
      tx.delete(key);
    return true;
  }

  #goOn(source: Source): void {
    this.#commits.note(`release/${source.key}`, (tx) => this.#showing.goOn(tx, source), { now: true });
  }

  /** After a stop between two commits of one release. */
  #resume(): void {
    const { store } = this.#reader;
    if (store.range({ ...within("k/"), limit: 1 }).length === 0) return;
    const streams = within("f/");
    for (const { key } of scan(store, streams.from, streams.to)) {
      const source = { from: key.slice(2, key.indexOf("/", 2)) as NodeId, key };
      if ((this.#sources.known(source)?.released ?? 0) > 0) this.#goOn(source);
    }
  }
}

/** Field by field: spreading is several times slower, and this is done for every packet. */
function contentOf(arrival: Arrival, shown: boolean): Content {
  return {
    id: arrival.id,
    from: arrival.from,
    type: arrival.type,
    session: arrival.session,
    toSession: arrival.toSession,
    replyTo: arrival.replyTo,
    key: arrival.key,
    // What is not shown stands in line without its texts.
    subject: shown ? arrival.subject : "",
    body: shown ? arrival.body : "",
    created: arrival.created,
    expires: arrival.expires,
    idempotent: arrival.idempotent,
    channel: arrival.channel,
    receivedAt: arrival.receivedAt,
  };
}
