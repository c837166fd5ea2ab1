import type { IncomingMessage } from "node:http";
import { maxRequestBytes } from "./protocol.js";

/** How reading a request's body ended, if not with the body. */
export type Cut = "too_large" | "cut_off" | "crowded_out";

/**
 * Reads request bodies within one memory budget. When it runs short, the request that has been arriving for longest goes:
 * a quick one always gets through, however many slow ones there are.
 */
export class Intake {
  readonly #budget: number;
  readonly #arriving = new Set<Arrival>();
  #held = 0;

  /** @param budget in bytes, over all requests whose bodies are not complete. */
  constructor(budget: number) {
    this.#budget = budget;
  }

  async read(request: IncomingMessage): Promise<Buffer | Cut> {
    return await new Promise((resolve) => {
      const arrival = new Arrival((outcome) => {
        if (!this.#arriving.delete(arrival)) return;
        this.#held -= arrival.held;
        resolve(outcome);
      });
      this.#arriving.add(arrival);
      request.on("data", (chunk: Buffer) => {
        if (!this.#arriving.has(arrival)) return;
        this.#held += arrival.append(chunk);
        if (arrival.size > maxRequestBytes) arrival.end("too_large");
        while (this.#held > this.#budget) this.#oldest()?.end("crowded_out");
      });
      request.once("end", () => arrival.end(arrival.body()));
      request.once("close", () => arrival.end("cut_off"));
      request.once("error", () => arrival.end("cut_off"));
    });
  }

  #oldest(): Arrival | undefined {
    return this.#arriving.values().next().value;
  }
}

/** A body in the making. Chunks are joined as they come: held one by one, a body sent byte by byte would cost a hundredfold. */
class Arrival {
  readonly end: (outcome: Buffer | Cut) => void;
  size = 0;
  #bytes: Buffer = Buffer.alloc(0);

  constructor(end: (outcome: Buffer | Cut) => void) {
    this.end = end;
  }

  /** The memory it takes, in bytes. */
  get held(): number {
    return this.#bytes.length;
  }

  /** @returns The memory it takes more than before, in bytes. */
  append(chunk: Buffer): number {
    const before = this.held;
    // The first chunk is mostly the only one: it is used as it is.
    if (this.size === 0) this.#bytes = chunk;
    else if (this.size + chunk.length > this.held) this.#grow(this.size + chunk.length);
    if (this.size > 0) chunk.copy(this.#bytes, this.size);
    this.size += chunk.length;
    return this.held - before;
  }

  body(): Buffer {
    return this.#bytes.subarray(0, this.size);
  }

  #grow(needed: number): void {
    const larger = Buffer.allocUnsafeSlow(Math.max(needed, this.held * 2));
    this.#bytes.copy(larger, 0, 0, this.size);
    this.#bytes = larger;
  }
}
