import type { PacketId } from "@multifleet/core";
import type { Commits } from "./commits.js";
import type { Counted } from "./counted.js";
import { outboxKeys as keys, within } from "./keys.js";
import type { Attempt, Sent, Settlement } from "./mailbox.js";
import type { Outbox } from "./outbox.js";
import type { Reader } from "./reader.js";
import { messageRecord, numberRecord } from "./records.js";
import type { Transaction } from "./transaction.js";

const maxAttempts = 50;
const maxReason = 1_024;
/** How many settled messages of each shelf one commit forgets. */
const maxForgotten = 16;
const shelves = ["delivered", "expired", "rejected", "cancelled", "notice"];

type Found = NonNullable<ReturnType<Reader["found"]>>;

/** What becomes of a message after it was accepted. */
export class Settling {
  readonly #reader: Reader;
  readonly #commits: Commits;
  readonly #counted: Counted;
  readonly #outbox: Outbox;

  constructor(reader: Reader, commits: Commits, counted: Counted, outbox: Outbox) {
    this.#reader = reader;
    this.#commits = commits;
    this.#counted = counted;
    this.#outbox = outbox;
  }

  progress(id: PacketId, attempts: readonly Attempt[]): void {
    const kept = newest(attempts);
    this.#commits.note(`progress/${id}`, (tx) => {
      const found = this.#reader.found(id, tx);
      if (found === undefined || found.ending > 0) return;
      const { sent, size, place, key, notice } = found;
      const carried = kept.some(({ outcome }) => outcome === "delivered" || outcome === "stored");
      const state = carried || sent.state === "sent" ? "sent" : "accepted";
      const next = keys.pending(notice ? "notice" : state, place);
      const value = messageRecord.encode(next, { sent: { ...sent, state, attempts: kept }, size, ending: 0 });
      if (next !== key) tx.delete(key);
      tx.put(next, value);
    });
  }

  settle(id: PacketId, settlement: Settlement): Promise<boolean> {
    return this.#commits.request((tx) => {
      const found = this.#reader.found(id, tx);
      if (found === undefined) return false;
      const { state, receipt } = settlement;
      const before = found.sent.state;
      const late = before === "expired" || before === "cancelled";
      const corrects = late && state === "delivered" && receipt !== undefined && receipt.length > 0;
      if (found.ending > 0 && !corrects) return false;
      this.#end(tx, found, settlement);
      return true;
    });
  }

  markSurfaced(id: PacketId, at: number): Promise<boolean> {
    return this.#commits.request((tx) => {
      const found = this.#reader.found(id, tx);
      if (found === undefined || found.sent.state !== "delivered" || found.sent.surfacedAt > 0) return false;
      const { sent, size, key, ending } = found;
      tx.put(key, messageRecord.encode(key, { sent: { ...sent, surfacedAt: at }, size, ending }));
      return true;
    });
  }

  /** Plans to forget what was settled before `time`, a little of it; gives the age of the oldest that stays, as far as it looked. */
  forget(tx: Transaction, time: number): number {
    return Math.min(...shelves.map((shelf) => this.#forgetSome(tx, shelf, time)));
  }

  #forgetSome(tx: Transaction, shelf: string, time: number): number {
    const entries = tx.range({ ...within(`s/${shelf}/`), limit: maxForgotten });
    for (const { key, value } of entries) {
      const place = numberRecord.decode(key, value);
      const settledKey = keys.settled(shelf === "notice", place);
      const stored = tx.get(settledKey);
      const sent = stored && messageRecord.decode(settledKey, stored).sent;
      if (sent !== undefined && sent.settledAt >= time) return sent.settledAt;
      for (const each of [key, settledKey, keys.sealed(place)]) tx.delete(each);
      if (sent !== undefined) tx.delete(keys.id(sent.id));
    }
    // As many as one commit may forget: there may be more of them.
    return entries.length < maxForgotten ? Number.POSITIVE_INFINITY : time;
  }

  #end(tx: Transaction, found: Found, { state, reason, at, attempts, receipt }: Settlement): void {
    const { sent, size, place, key, notice } = found;
    const settled: Sent = {
      ...sent,
      ...{ state, reason: reason.slice(0, maxReason), settledAt: at, attempts: newest(attempts) },
      receipt: receipt ?? sent.receipt,
    };
    const ending = this.#counted.count(tx, "ending");
    const endingKey = keys.ending(notice ? "notice" : state, ending);
    tx.delete(key);
    const settledKey = keys.settled(notice, place);
    tx.put(settledKey, messageRecord.encode(settledKey, { sent: settled, size, ending }));
    tx.put(endingKey, numberRecord.encode(endingKey, place));
    if (state === "delivered") tx.delete(keys.sealed(place));
    if (!notice) this.#counted.count(tx, state);
    this.#commits.forget(`progress/${settled.id}`);
    if (found.ending === 0) {
      tx.after(() => this.#outbox.settled(settled, size));
      return;
    }
    const before = sent.state === "expired" ? "expired" : "cancelled";
    tx.delete(keys.ending(notice ? "notice" : before, found.ending));
    if (!notice) this.#counted.count(tx, before, -1);
  }
}

/** The last attempts, with texts that keep a record small. */
function newest(attempts: readonly Attempt[]): Attempt[] {
  return attempts.slice(-maxAttempts).map((attempt) => ({
    ...attempt,
    channel: attempt.channel.slice(0, 64),
    ...(attempt.outcome !== undefined && { outcome: attempt.outcome.slice(0, 64) }),
    ...(attempt.reason !== undefined && { reason: attempt.reason.slice(0, 256) }),
  }));
}
