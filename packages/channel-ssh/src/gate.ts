/** Lets so many through at once; the others wait, each as long as its own signal lets it. */
export class Gate {
  #limit: number;
  #inside = 0;
  readonly #waiting = new Set<() => void>();

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** How many are inside. */
  get inside(): number {
    return this.#inside;
  }

  /** Resolves once inside; `leave` then. Rejects with the signal's reason. */
  async enter(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (this.#inside < this.#limit) {
      this.#inside += 1;
      return;
    }
    await new Promise<void>((resolve, reject) => {
      const admit = () => {
        signal.removeEventListener("abort", give);
        resolve();
      };
      const give = () => {
        this.#waiting.delete(admit);
        reject(signal.reason as Error);
      };
      signal.addEventListener("abort", give, { once: true });
      this.#waiting.add(admit);
    });
  }

  leave(): void {
    this.#inside -= 1;
    this.#admit();
  }

  /** From now on fewer go through at once. */
  narrow(limit: number): void {
    this.#limit = Math.min(this.#limit, Math.max(limit, 1));
  }

  #admit(): void {
    const [next] = this.#waiting;
    if (next === undefined || this.#inside >= this.#limit) return;
    this.#waiting.delete(next);
    this.#inside += 1;
    next();
  }
}
