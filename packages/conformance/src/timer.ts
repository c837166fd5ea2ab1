/** Node's Timeout, by the fields that it has had since Node 11 and does not document. */
export class Timer {
  readonly #held: object;

  constructor(held: object) {
    this.#held = held;
  }

  /** How long it waits, in ms. Set before it is armed, or before `refresh()`. */
  get ms(): number {
    return Number(Reflect.get(this.#held, "_idleTimeout"));
  }

  set ms(ms: number) {
    Reflect.set(this.#held, "_idleTimeout", ms);
  }

  get isInterval(): boolean {
    return typeof Reflect.get(this.#held, "_repeat") === "number";
  }

  /** Whether it keeps the process alive. */
  get isRef(): boolean {
    return (this.#held as NodeJS.Timeout).hasRef();
  }

  /** Arms it anew, to fire `ms` from now. */
  refresh(): void {
    (this.#held as NodeJS.Timeout).refresh();
  }
}

/** The two clocks that programs read, made to run ahead of the real ones. */
export class Clocks {
  readonly #date = Date.now.bind(Date);
  readonly #performance = performance.now.bind(performance);
  #ahead = 0;

  constructor() {
    Date.now = () => this.#date() + this.#ahead;
    performance.now = () => this.#performance() + this.#ahead;
  }

  pass(ms: number): void {
    this.#ahead += ms;
  }

  restore(): void {
    Date.now = this.#date;
    performance.now = this.#performance;
  }
}
