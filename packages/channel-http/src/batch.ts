import type { SendResult, Verdict } from "@multifleet/core";
import type { Dispatcher } from "undici";
import { failure, failureOfRequest, failureOfStatus } from "./failure.js";
import { decodeResults } from "./protocol.js";

/** A frame on its way through this channel. */
export interface Parcel {
  readonly bytes: Uint8Array;
  /** The request that carries it, once there is one. */
  batch: Batch | undefined;
  settle(result: SendResult): void;
}

/** One request: the frames it carries, and what becomes of them. */
export class Batch implements Dispatcher.DispatchHandler {
  readonly #parcels: readonly Parcel[];
  readonly #ended: (answered: boolean) => void;
  readonly #malformed: () => void;
  readonly #chunks: Buffer[] = [];
  #controller: Dispatcher.DispatchController | undefined;
  #wanted: number;
  #status = 0;

  /** @param on `ended`: the connection is free again, with or without an answer. `malformed`: the answer was none. */
  constructor(parcels: readonly Parcel[], on: { ended(answered: boolean): void; malformed(): void }) {
    this.#parcels = parcels;
    this.#wanted = parcels.length;
    this.#ended = (answered) => on.ended(answered);
    this.#malformed = () => on.malformed();
    for (const parcel of parcels) parcel.batch = this;
  }

  /** One frame's sender has given up. The request goes on for the others; with none left it is ended. */
  leave(): void {
    this.#wanted -= 1;
    if (this.#wanted === 0) this.#controller?.abort(new Error("every frame of the request was aborted"));
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    // Thrown, not aborted: so the connection that was just made is kept.
    if (this.#wanted === 0) throw new Error("every frame of the request was aborted");
    this.#controller = controller;
  }

  onResponseStart(_: Dispatcher.DispatchController, status: number): void {
    this.#status = status;
  }

  onResponseData(_: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#chunks.push(chunk);
  }

  onResponseEnd(): void {
    if (this.#status === 200) this.#settleEach();
    else this.#settleAll(failureOfStatus(this.#status, this.#parcels.length));
    this.#ended(true);
  }

  onResponseError(_: Dispatcher.DispatchController, error: Error): void {
    if (this.#wanted > 0) this.#settleAll(failureOfRequest(error, this.#controller !== undefined));
    this.#ended(false);
  }

  #settleAll(result: SendResult): void {
    if (!result.ok && result.error.code === "INTERNAL") this.#malformed();
    for (const parcel of this.#parcels) parcel.settle(result);
  }

  #settleEach(): void {
    const [only = Buffer.alloc(0), ...more] = this.#chunks;
    const body = more.length === 0 ? only : Buffer.concat(this.#chunks);
    const verdicts = decodeResults(body, this.#parcels.length);
    if (verdicts === undefined) {
      this.#settleAll(failure("INTERNAL", "the peer's answer is malformed"));
      return;
    }
    for (const [index, parcel] of this.#parcels.entries()) parcel.settle(resultOf(verdicts[index]));
  }
}

function resultOf(verdict: Verdict | undefined): SendResult {
  switch (verdict?.code) {
    case "taken":
      return { ok: true, effect: "delivers", ...(verdict.answer && { answer: verdict.answer }) };
    case "refused":
      return failure("REFUSED", `the peer refused the frame: ${verdict.reason}`);
    case "later":
      return failure("BUSY", `the peer cannot take the frame now: ${verdict.reason}`);
    case undefined:
      return failure("INTERNAL", "the peer's answer leaves the frame out");
  }
}
