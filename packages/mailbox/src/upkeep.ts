import type { NodeId } from "@multifleet/core";
import { within } from "./keys.js";
import type { Inbox } from "./inbox.js";
import type { Outbox } from "./outbox.js";
import { numberRecord } from "./records.js";
import type { Settling } from "./settling.js";
import type { Transaction } from "./transaction.js";

/** Ordering records are looked through when so many are new: twice as many at a time, so that they stay few. */
const someOrderings = 64;

/** What is forgotten, a little with every commit that changes something: there is no timer for it. */
export class Upkeep {
  readonly #outbox: Outbox;
  readonly #settling: Settling;
  readonly #inbox: Inbox;
  readonly #retention: number;
  readonly #now: () => number;
  /** Nothing is old enough before this time. */
  #next = 0;
  #looked = "l/";
  #orderings = someOrderings;

  constructor(
    parts: { readonly outbox: Outbox; readonly settling: Settling; readonly inbox: Inbox },
    retention: number,
    now: () => number,
  ) {
    this.#outbox = parts.outbox;
    this.#settling = parts.settling;
    this.#inbox = parts.inbox;
    this.#retention = retention;
    this.#now = now;
  }

  plan(tx: Transaction): void {
    this.#forgetOrder(tx);
    const now = this.#now();
    if (now < this.#next) return;
    const before = now - this.#retention;
    const oldest = Math.min(this.#settling.forget(tx, before), this.#inbox.forget(tx, before));
    // Where nothing is kept yet, nothing can be old before a whole retention has passed.
    this.#next = Math.min(oldest, now) + this.#retention;
  }

  /** The last number under an ordering key says nothing any more once it is below the base. */
  #forgetOrder(tx: Transaction): void {
    this.#orderings += this.#outbox.takeOrderings();
    if (this.#orderings < someOrderings) return;
    const limit = 2 * this.#orderings;
    this.#orderings = 0;
    const entries = tx.range({ from: this.#looked, to: within("l/").to, limit });
    for (const { key, value } of entries) {
      const peer = key.slice(2, key.indexOf("/", 2)) as NodeId;
      if (numberRecord.decode(key, value) < this.#outbox.base(peer)) tx.delete(key);
    }
    this.#looked = entries.length < limit ? "l/" : `${entries.at(-1)?.key}\0`;
  }
}
