import type { SendResult } from "@multifleet/core";
import type { Pool } from "undici";
import { Batch, type Parcel } from "./batch.js";
import { aborted, codeOf, failure, isLoss } from "./failure.js";
import { encodeFrames, maxRequestFrames, packetsType } from "./protocol.js";

/** A request takes no further frame beyond this, in bytes, so that small frames do not wait behind many large ones. */
const batchBytes = 1_024 * 1_024;
/** More than this is not held for one endpoint: the sender is told `BUSY` at once. */
const maxWaitingFrames = 4_096;
const maxWaitingBytes = 16 * 1_024 * 1_024;

/** What an endpoint tells of its connections. */
export interface EndpointNews {
  /** The first connection was made. */
  up(): void;
  /** The last connection ended, and not by our doing. */
  lost(reason: string): void;
  /** A connection could not be made. */
  refused(): void;
  /** An answer made no sense. */
  malformed(): void;
  /** Nothing is connected, on its way or waiting any more. */
  idle(): void;
}

/** One address that packets are posted to: its few connections, and the frames that wait for one of them. */
export class Endpoint {
  readonly #pool: Pool;
  readonly #path: string;
  readonly #maxRequests: number;
  readonly #news: EndpointNews;
  readonly #waiting = new Set<Parcel>();
  #waitingBytes = 0;
  #flushing = false;
  #connections = 0;
  #requests = 0;
  #answered = 0;

  constructor(pool: Pool, path: string, maxRequests: number, news: EndpointNews) {
    this.#pool = pool;
    this.#path = path;
    this.#maxRequests = maxRequests;
    this.#news = news;
    pool.on("connect", () => {
      this.#connections += 1;
      if (this.#connections === 1) news.up();
    });
    pool.on("disconnect", (_origin, _targets, error) => {
      this.#connections -= 1;
      if (this.#connections === 0 && isLoss(error)) news.lost(error.message || codeOf(error));
      this.#checkIdle();
    });
    pool.on("connectionError", () => {
      news.refused();
      this.#checkIdle();
    });
  }

  get connected(): boolean {
    return this.#connections > 0;
  }

  /** How many requests were answered, in whatever way. */
  get answered(): number {
    return this.#answered;
  }

  /** Posts one frame, together with others that are ready in the same tick. */
  async send(bytes: Uint8Array, signal: AbortSignal): Promise<SendResult> {
    if (this.#waiting.size === maxWaitingFrames || this.#waitingBytes + bytes.length > maxWaitingBytes)
      return failure("BUSY", "too much is waiting for this peer");
    if (signal.aborted) return aborted();
    return await new Promise((resolve) => {
      const abort = () => {
        parcel.settle(aborted());
        if (parcel.batch === undefined) this.#forget(parcel);
        else parcel.batch.leave();
      };
      const parcel: Parcel = {
        bytes,
        batch: undefined,
        settle(result) {
          signal.removeEventListener("abort", abort);
          resolve(result);
        },
      };
      signal.addEventListener("abort", abort, { once: true });
      this.#waiting.add(parcel);
      this.#waitingBytes += bytes.length;
      this.#flushSoon();
    });
  }

  /** Ends its connections and every send. */
  async close(): Promise<void> {
    for (const parcel of this.#waiting) parcel.settle(failure("CLOSED", "the link was closed"));
    this.#waiting.clear();
    await this.#pool.destroy();
  }

  #forget(parcel: Parcel): void {
    this.#waiting.delete(parcel);
    this.#waitingBytes -= parcel.bytes.length;
  }

  /** Runs when this tick's promises have settled, before the loop turns: what they send goes together and nothing waits. */
  #flushSoon(): void {
    if (this.#flushing) return;
    this.#flushing = true;
    queueMicrotask(() => process.nextTick(() => this.#flush()));
  }

  #flush(): void {
    this.#flushing = false;
    while (this.#waiting.size > 0 && this.#requests < this.#maxRequests) this.#post(this.#take());
  }

  #take(): Parcel[] {
    const parcels: Parcel[] = [];
    let size = 0;
    for (const parcel of this.#waiting) {
      size += parcel.bytes.length;
      if (parcels.length > 0 && (size > batchBytes || parcels.length === maxRequestFrames)) break;
      parcels.push(parcel);
      this.#forget(parcel);
    }
    return parcels;
  }

  #post(parcels: readonly Parcel[]): void {
    this.#requests += 1;
    const batch = new Batch(parcels, {
      ended: (answered) => {
        this.#requests -= 1;
        if (answered) this.#answered += 1;
        this.#flush();
        this.#checkIdle();
      },
      malformed: () => this.#news.malformed(),
    });
    const body = encodeFrames(parcels.map(({ bytes }) => bytes));
    this.#pool.dispatch(
      { path: this.#path, method: "POST", headers: ["content-type", packetsType], body },
      batch,
    );
  }

  #checkIdle(): void {
    // undici is still at work when it says that a connection ended.
    process.nextTick(() => {
      if (this.#connections === 0 && this.#requests === 0 && this.#waiting.size === 0) this.#news.idle();
    });
  }
}
