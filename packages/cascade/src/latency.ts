const size = 32;
/** With this many samples, the median says something. */
const telling = 8;

/** The newest round trips over one channel to one peer, in milliseconds. */
export class Latency {
  readonly #samples: number[] = [];
  #next = 0;
  #unsorted = 0;
  #median: number | undefined;
  #p95: number | undefined;

  get median(): number | undefined {
    return this.#median;
  }

  get p95(): number | undefined {
    return this.#p95;
  }

  get telling(): boolean {
    return this.#samples.length >= telling;
  }

  /** @returns Whether the figures were made anew. */
  add(sample: number): boolean {
    if (!(sample >= 0)) return false;
    this.#samples[this.#next] = sample;
    this.#next = (this.#next + 1) % size;
    // Sorting for each sample would cost more than the rest of an input.
    if (++this.#unsorted < telling && this.#samples.length > telling) return false;
    this.#unsorted = 0;
    const sorted = this.#samples.toSorted((a, b) => a - b);
    this.#median = sorted[(sorted.length - 1) >> 1];
    this.#p95 = sorted[Math.ceil(sorted.length * 0.95) - 1];
    return true;
  }

  clear(): void {
    this.#samples.length = 0;
    this.#next = 0;
    this.#unsorted = 0;
    this.#median = undefined;
    this.#p95 = undefined;
  }
}
