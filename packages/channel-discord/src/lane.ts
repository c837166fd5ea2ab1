import { ChannelError } from "@multifleet/core";
import { fault } from "./failure.js";

/** Beyond what Discord says, in ms: its clock ticks in thousandths, and the answer has been on its way. */
const marginMs = 50;
/** How long to hold off after a refusal that does not say for how long, in ms. */
const unsaidMs = 5_000;

/**
 * Requests of one kind, one after the other, as Discord's rate limit allows. The waiting is done here and not in discord.js' queue, because there it can
 * be neither ended nor bounded, and its timers outlive the client.
 */
export class Lane {
  readonly #count: () => void;
  #until = -Infinity;
  #last: Promise<void> = Promise.resolve();

  /** @param count is called for each refusal, and for each request that would have to wait for too long */
  constructor(count: () => void) {
    this.#count = count;
  }

  /** For how long nothing may be asked, in ms. */
  get pauseMs(): number {
    return Math.max(0, this.#until - performance.now());
  }

  /** Learns from an answer. `headers` are those that Discord documents under "Rate Limits". */
  note(status: number, headers: Headers): void {
    const resetMs = Number(headers.get("x-ratelimit-reset-after") ?? Number.NaN) * 1_000;
    if (status === 429) {
      const retryMs = Number(headers.get("retry-after") ?? Number.NaN) * 1_000;
      const waits = [retryMs, resetMs].filter((ms) => Number.isFinite(ms) && ms >= 0);
      this.pause(waits.length === 0 ? unsaidMs : Math.max(...waits));
    } else if (headers.get("x-ratelimit-remaining") === "0" && resetMs > 0) this.pause(resetMs);
  }

  /** Asks nothing for so long. */
  pause(ms: number): void {
    this.#until = Math.max(this.#until, performance.now() + ms + marginMs);
  }

  /**
   * Runs `ask` when it is its turn and the limit allows; again if it is refused for the limit and there is time left.
   * @param maxWaitMs How long to wait for that, in all.
   * @throws ChannelError `BUSY` when it would wait for longer, `ABORTED`, and whatever `ask` throws.
   */
  async run<T>(ask: () => Promise<T>, maxWaitMs: number, signal: AbortSignal): Promise<T> {
    const deadline = performance.now() + maxWaitMs;
    const before = this.#last;
    let leave: () => void = () => undefined;
    this.#last = new Promise((resolve) => (leave = resolve));
    try {
      this.#check(deadline);
      if (!(await inTime(before, maxWaitMs, signal))) throw this.#busy();
      for (;;) {
        await this.#passPause(deadline, signal);
        try {
          return await ask();
        } catch (error) {
          if (!(error instanceof ChannelError) || error.code !== "BUSY") throw error;
          this.#count();
          // Whoever refused has said for how long; if not, it is not asked again at once.
          if (this.pauseMs === 0) this.pause(0);
        }
      }
    } finally {
      // Who gives up in the queue does not let the next one pass those before.
      void before.then(leave);
    }
  }

  async #passPause(deadline: number, signal: AbortSignal): Promise<void> {
    // What is learnt meanwhile may make it longer.
    for (let ms = this.pauseMs; ms > 0; ms = this.pauseMs) {
      this.#check(deadline);
      await inTime(undefined, ms, signal);
    }
  }

  #check(deadline: number): void {
    if (performance.now() + this.pauseMs > deadline + marginMs) throw this.#busy();
  }

  #busy(): ChannelError {
    this.#count();
    return fault("BUSY", `Discord's rate limit: the next one in ${Math.ceil(this.pauseMs)} ms, or later`);
  }
}

/** Whether `turn` comes within `ms`. @throws ChannelError `ABORTED` */
async function inTime(turn: Promise<void> | undefined, ms: number, signal: AbortSignal): Promise<boolean> {
  const aborted = () => fault("ABORTED", "the request was aborted");
  if (signal.aborted) throw aborted();
  let timer: NodeJS.Timeout | undefined;
  let abort: () => void = () => undefined;
  try {
    return await new Promise<boolean>((resolve, reject) => {
      timer = setTimeout(() => resolve(false), ms);
      abort = () => reject(aborted());
      signal.addEventListener("abort", abort);
      void turn?.then(() => resolve(true));
    });
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", abort);
  }
}
