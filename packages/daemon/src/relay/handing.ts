import type { NodeId } from "@multifleet/core";
import { background, type NodeCounters } from "../books.js";
import type { Fleet } from "../fleet/fleet.js";
import type { Log } from "../log.js";
import type { Keeping } from "./keeping.js";
import type { Copy, Kept } from "./kept.js";
import type { Straight } from "./straight.js";

export interface HandingHost {
  readonly counters: NodeCounters;
  readonly log: Log;
  readonly fleet: Pick<Fleet, "node" | "member">;
  readonly kept: Pick<Kept, "of" | "bytes">;
  readonly keeping: Pick<Keeping, "keep" | "drop">;
  readonly straight: Straight;
  now(): number;
}

/** Copies that are handed to one node at a time. */
const window = 16;
/** The first wait before a target is tried again, doubled each time, in milliseconds; and how often that is done. */
const firstRetry = 1_000;
const mostRetries = 8;

/** Hands targets the copies that wait for them, as soon as there is a way. */
export class Handing {
  readonly #host: HandingHost;
  /** Targets that copies are handed to now, and whether there was another reason meanwhile. */
  readonly #handing = new Map<NodeId, { again: boolean }>();
  /** Targets that did not take what waits for them though they are there: how often that was, and when they are tried again. */
  readonly #retries = new Map<NodeId, { readonly failures: number; readonly timer: NodeJS.Timeout }>();
  #closed = false;

  constructor(host: HandingHost) {
    this.#host = host;
  }

  /** A peer is there, or a way to it: it is handed what waits for it. */
  wake(target: NodeId): void {
    clearTimeout(this.#retries.get(target)?.timer);
    this.#retries.delete(target);
    this.#begin(target);
  }

  /** The same for all that copies wait for: a medium came back. */
  wakeAll(): void {
    for (const target of new Set(this.#host.kept.of().map((copy) => copy.target))) this.wake(target);
  }

  close(): void {
    this.#closed = true;
    for (const retry of this.#retries.values()) clearTimeout(retry.timer);
  }

  #begin(target: NodeId): void {
    const running = this.#handing.get(target);
    if (running !== undefined) running.again = true;
    else if (this.#host.kept.of(target).length > 0) background(this.#hand(target), "relay", this.#host);
  }

  /** Hands a target what waits for it, until that is all or it cannot be reached. */
  async #hand(target: NodeId): Promise<void> {
    const { kept } = this.#host;
    const state = { again: true };
    this.#handing.set(target, state);
    try {
      while (state.again) {
        state.again = false;
        const some = kept.of(target).slice(0, window);
        const gone = await Promise.all(some.map((copy) => this.#handCopy(copy)));
        if (some.length > 0 && gone.every(Boolean)) state.again = true;
      }
    } finally {
      this.#handing.delete(target);
    }
    if (kept.of(target).length > 0) this.#tryAgain(target);
    else this.#retries.delete(target);
  }

  /** Whoever said hello and then was silent, or busy, is tried again a few times; after that its next hello is waited for. */
  #tryAgain(target: NodeId): void {
    const failures = (this.#retries.get(target)?.failures ?? 0) + 1;
    if (failures > mostRetries || this.#closed) return;
    const wait = firstRetry * 2 ** (failures - 1) * (0.5 + Math.random() / 2);
    const timer = setTimeout(() => this.#begin(target), wait);
    this.#retries.set(target, { failures, timer });
  }

  /** True when the copy is needed no more. */
  async #handCopy(copy: Copy): Promise<boolean> {
    const { fleet, keeping, kept, straight, now } = this.#host;
    const { target } = copy;
    const bytes = kept.bytes(copy);
    if (now() >= copy.expires) return keeping.drop(copy, "expired");
    const known = bytes !== undefined && fleet.member(target) !== undefined;
    const opened = known ? straight.open(target, bytes) : undefined;
    if (opened === undefined || bytes === undefined) return keeping.drop(copy, "not_genuine");
    const answer = await straight.handOver(target, opened.packet, bytes);
    if (answer.outcome === "turned_away") return keeping.drop(copy, "refused");
    if (answer.outcome !== "delivered") return false;
    if (answer.answer.length > 0) await this.#giveBack(copy, answer.answer);
    return keeping.drop(copy, "delivered");
  }

  /** The target's receipt goes back to whoever sent the packet; where that one is away, it waits here in the packet's place. */
  async #giveBack({ from, asker, expires }: Copy, bytes: Uint8Array): Promise<void> {
    const { fleet, keeping, straight } = this.#host;
    if (from === fleet.node) return;
    const opened = straight.open(from, bytes);
    if (opened === undefined) return;
    const answer = await straight.handOver(from, opened.packet, bytes);
    if (answer.outcome === "delivered" || answer.outcome === "turned_away") return;
    // It counts for as long as the packet does: its own end is that of one that nobody keeps.
    await keeping.keep(opened, bytes, asker, expires);
  }
}
