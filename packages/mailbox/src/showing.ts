import type { Counted } from "./counted.js";
import { inboxKeys as keys, lastNumber } from "./keys.js";
import {
  emptyRecord,
  entryRecord,
  itemRecord,
  waitingRecord,
  type Content,
  type SourceState,
} from "./records.js";
import type { Source, Sources } from "./sources.js";
import type { Entry } from "./store/store.js";
import type { Transaction } from "./transaction.js";

/** How many waiting items one commit shows; the others are marked as released, and follow in the next. */
const maxShown = 256;

/**
 * The order of showing. An item that names a predecessor is shown when that one is: shown itself, rejected, or settled at the sender
 * without ever having come. Positions are given at showing, so that they rise in the order in which items may be read.
 */
export class Showing {
  readonly #counted: Counted;
  readonly #sources: Sources;
  readonly #onShown: () => void;
  readonly #onLeft: (source: Source) => void;
  #budget = maxShown;

  /** @param onLeft Called when a commit had enough to show: `goOn` is then to be planned for the next. */
  constructor(counted: Counted, sources: Sources, onShown: () => void, onLeft: (source: Source) => void) {
    this.#counted = counted;
    this.#sources = sources;
    this.#onShown = onShown;
    this.#onLeft = onLeft;
  }

  /** Whether what names `prev` as its predecessor has to wait. */
  waits(tx: Transaction, source: Source, prev: number): boolean {
    const { number, floor, released } = this.#sources.state(tx, source);
    // While some that may be shown are not yet, nothing passes them.
    return released > 0 || (prev >= floor && this.#blocks(tx, number, prev));
  }

  /** Keeps a packet until its predecessor's turn is over; without `shown` it only stands in the way of its successors. */
  hold(tx: Transaction, source: Source, prev: number, seq: number, content: Content, shown: boolean): void {
    const state = this.#sources.state(tx, source);
    const key = keys.waiting(state.number, prev, seq);
    tx.put(key, waitingRecord.encode(key, { shown, content }));
    this.#counted.count(tx, "held");
    this.#sources.change(tx, source, { ...state, held: state.held + 1 });
    // The way may be free already, and only others that were released be before it.
    if (prev < state.floor) this.#mark(tx, source, 0);
    else if (!this.#blocks(tx, state.number, prev)) this.#mark(tx, source, prev);
  }

  show(tx: Transaction, content: Content): void {
    const position = this.#counted.count(tx, "position");
    const key = keys.item(position);
    tx.put(key, itemRecord.encode(key, content));
    for (const index of [
      keys.unsurfaced(position),
      keys.session(content.toSession, false, position),
      keys.id(content.id, position),
    ])
      tx.put(index, emptyRecord.encode(index, undefined));
    tx.after(this.#onShown);
  }

  /** Shows what waited for `seq`, and what waited for that, and so on. */
  release(tx: Transaction, source: Source, seq: number): void {
    const open = [seq];
    for (let prev = open.pop(); prev !== undefined; prev = open.pop()) {
      const { number, held } = this.#sources.state(tx, source);
      if (held === 0) return;
      open.push(...this.#showAll(tx, source, keys.waitingFor(number, prev), prev));
    }
  }

  /** Shows what waited for numbers below the floor: each one's predecessor is settled at the sender. */
  releaseBelow(tx: Transaction, source: Source): void {
    const { number, floor, held } = this.#sources.state(tx, source);
    if (held === 0) return;
    for (const seq of this.#showAll(tx, source, keys.waitingBelow(number, floor), 0))
      this.release(tx, source, seq);
  }

  /** Goes on where an earlier commit had shown enough. */
  goOn(tx: Transaction, source: Source): void {
    const { number } = this.#sources.state(tx, source);
    for (const { key } of tx.range({ ...keys.allReleased(number), limit: maxShown })) {
      if (this.#budget <= 0) break;
      tx.delete(key);
      const state = this.#sources.state(tx, source);
      this.#sources.change(tx, source, { ...state, released: state.released - 1 });
      const prev = lastNumber(key);
      if (prev === 0) this.releaseBelow(tx, source);
      else this.release(tx, source, prev);
    }
    if (this.#sources.state(tx, source).released > 0) tx.after(() => this.#onLeft(source));
  }

  /** A new commit may show as many again. */
  renew(): void {
    this.#budget = maxShown;
  }

  /** Whether `prev` has not come, or waits itself. */
  #blocks(tx: Transaction, number: number, prev: number): boolean {
    const key = keys.entry(number, prev);
    const stored = tx.get(key);
    return stored === undefined || entryRecord.decode(key, stored).held;
  }

  #showAll(tx: Transaction, source: Source, range: { from: string; to: string }, prev: number): number[] {
    const shown: number[] = [];
    for (const waiting of tx.range({ ...range, limit: Math.max(this.#budget, 0) + 1 })) {
      if (this.#budget <= 0) {
        this.#mark(tx, source, prev);
        break;
      }
      // One that was shown as a successor of another in this range is gone.
      if (tx.get(waiting.key) === undefined) continue;
      shown.push(this.#showWaiting(tx, source, waiting));
    }
    return shown;
  }

  #showWaiting(tx: Transaction, source: Source, { key, value }: Entry): number {
    this.#budget--;
    const seq = lastNumber(key);
    const state = this.#sources.state(tx, source);
    const { shown, content } = waitingRecord.decode(key, value);
    if (shown) this.show(tx, content);
    tx.delete(key);
    this.#counted.count(tx, "held", -1);
    this.#sources.change(tx, source, { ...state, held: state.held - 1 });
    this.#unhold(tx, state, seq);
    return seq;
  }

  #unhold(tx: Transaction, state: SourceState, seq: number): void {
    const key = keys.entry(state.number, seq);
    const stored = tx.get(key);
    if (stored !== undefined)
      tx.put(key, entryRecord.encode(key, { ...entryRecord.decode(key, stored), held: false }));
  }

  #mark(tx: Transaction, source: Source, prev: number): void {
    const state = this.#sources.state(tx, source);
    const key = keys.released(state.number, prev);
    if (tx.get(key) !== undefined) return;
    tx.put(key, emptyRecord.encode(key, undefined));
    this.#sources.change(tx, source, { ...state, released: state.released + 1 });
    tx.after(() => this.#onLeft(source));
  }
}
