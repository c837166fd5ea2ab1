import type { ChannelHealth } from "./contract.js";
import { Latency } from "./latency.js";

/** How many doublings of a wait are counted. */
const mostTests = 16;

/** When it was found that a channel does not work, on the wall clock, in `time` and in the peer's messages. */
export interface Evidence {
  readonly now: number;
  readonly time: number;
  readonly pass: number;
  /** From the one message that tried it, or from the medium itself. */
  readonly tested: boolean;
  /** Until the next message may try it, in milliseconds. */
  readonly wait: number;
}

/** What the evidence says of one channel to one peer. Nothing here is ever probed: it is told what happened. */
export class Health {
  readonly channel: string;
  state: ChannelHealth["state"] = "unknown";
  /** Wall clock; 0 while nothing is known. */
  since = 0;
  reason = "";
  /** It may be well again, or only busy: one message tries it before the others follow. */
  doubt = false;
  /** Rises with each recovery: a failure of an attempt that began before says nothing any more. */
  epoch = 0;
  /** Rises with each success: a silence that began before is not the channel's. */
  proofs = 0;
  /** Races lost in silence since the last success. */
  strikes = 0;
  readonly latency = new Latency();
  /** Another channel to this peer is clearly faster. */
  slow = false;

  /** Tests that failed in a row. */
  tests = 0;
  /** From when on the next test may start, in `time`. */
  testAt = 0;
  /** A test is under way until then, in `time`. */
  testUntil = 0;
  /** When the last test started, or it fell, in `time` and in the peer's messages. */
  testedAt = -Infinity;
  testedPass = -Infinity;
  /** When it fell silent, in `time`. */
  suspectedAt = 0;
  recoveredAt = -Infinity;

  /** Recoveries that were only overheard and came to nothing, and from when on the next may be believed, in `time`. */
  echoes = 0;
  echoAt = 0;

  constructor(channel: string) {
    this.channel = channel;
  }

  /** Whether any number of messages may go by it. */
  get sound(): boolean {
    return (this.state === "up" || this.state === "unknown") && !this.doubt;
  }

  /** An attempt succeeded. */
  prove(now: number, time: number): void {
    if (!this.sound) this.recoveredAt = time;
    this.#become("up", now, "");
    this.doubt = false;
    this.proofs++;
    this.strikes = 0;
    this.tests = 0;
    this.testUntil = 0;
    this.echoes = 0;
    this.echoAt = 0;
  }

  /** A packet came by it while nothing spoke against it. */
  overhear(now: number): void {
    this.#become("up", now, "");
  }

  /** Something says that it is back; the next message finds out. */
  revive(state: "up" | "unknown", now: number, time: number, reason: string): void {
    this.#become(state, now, reason);
    this.doubt = true;
    this.epoch++;
    this.strikes = 0;
    this.testAt = time;
    this.testUntil = 0;
    this.testedPass = -Infinity;
    this.recoveredAt = time;
  }

  /** A far side that asks us to come again later is well, but is left alone for a while. */
  spare(time: number, wait: number): void {
    this.doubt = true;
    this.testAt = time + wait;
    this.tests = Math.min(this.tests + 1, mostTests);
  }

  /** Evidence against it. */
  fall(state: "suspect" | "down", reason: string, evidence: Evidence): void {
    const { now, time, pass, wait, tested } = evidence;
    if (this.state !== "suspect" && this.state !== "down") this.suspectedAt = time;
    // A crowd of messages that fail together is one piece of evidence.
    if (this.sound || tested) {
      this.testAt = time + wait;
      this.testedAt = time;
      this.testedPass = pass;
      this.tests = Math.min(this.tests + 1, mostTests);
    }
    this.doubt = false;
    if (state === "suspect" && this.state === "down") return;
    this.#become(state, now, reason);
  }

  view(): ChannelHealth {
    const { channel, state, since, reason } = this;
    return { channel, state, since, reason, latency: this.latency.median };
  }

  #become(state: ChannelHealth["state"], now: number, reason: string): void {
    if (this.state !== state) this.since = now;
    this.state = state;
    this.reason = reason;
  }
}
