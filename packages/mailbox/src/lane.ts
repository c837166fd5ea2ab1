import type { NodeId, Sealed } from "@multifleet/core";
import type { Draft, Sent, Slot } from "./mailbox.js";
import { Cell } from "./transaction.js";

/** A message between `accept` and its commit. */
export interface Arriving {
  readonly draft: Draft;
  readonly seal: (slot: Slot) => Sealed | Promise<Sealed>;
  /** The place that was foreseen when it was sealed; checked again when it is committed. */
  slot: Slot;
  /** Undefined while it is being sealed. */
  sealed: Sealed | undefined;
  resolve(message: Sent): void;
  reject(error: unknown): void;
}

/** The numbers of the messages to one peer. */
export class Lane {
  readonly peer: NodeId;
  /** The last number given, durably. */
  readonly last: Cell<number>;
  /** Messages to be committed, in the order of their numbers. */
  readonly line: Arriving[] = [];
  /** How many of them, from the head of the line, have asked for their commit. */
  asked = 0;
  /** How many have left the line for a commit that is under way. */
  committing = 0;
  readonly #pending = new Set<number>();
  #low: number;
  /** Under each ordering key, the last number foreseen but not durable. */
  readonly #foreseen = new Map<string, number>();

  constructor(peer: NodeId, last: number) {
    this.peer = peer;
    this.last = new Cell(last);
    this.#low = last + 1;
  }

  /** The lowest number that is not settled. It only grows. */
  get base(): number {
    while (this.#low <= this.last.current && !this.#pending.has(this.#low)) this.#low++;
    return this.#low;
  }

  /** Counts a number as not settled, when it is durable. */
  add(seq: number): void {
    this.#pending.add(seq);
    this.#low = Math.min(this.#low, seq);
  }

  settle(seq: number): void {
    this.#pending.delete(seq);
  }

  /** The number that the next message will have if everything before it goes well. */
  get next(): number {
    return this.last.current + this.committing + this.line.length + 1;
  }

  /** The last number foreseen under a key; `durable` is the last one that is. */
  before(key: string, durable: number): number {
    const prev = this.#foreseen.get(key) ?? durable;
    return prev < this.base ? 0 : prev;
  }

  foresee(key: string, seq: number): void {
    if (key !== "") this.#foreseen.set(key, seq);
  }

  /** A foreseen number has become durable. */
  confirm(key: string, seq: number): void {
    if (this.#foreseen.get(key) === seq) this.#foreseen.delete(key);
  }

  /** Something did not go well: what was foreseen behind it is void. */
  surprise(): void {
    this.#foreseen.clear();
  }
}
