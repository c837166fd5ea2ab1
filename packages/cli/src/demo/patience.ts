import { setMaxListeners } from "node:events";
import { Failure } from "../failure.js";

/** The demo was told to end: Ctrl-C or a signal. */
export class Interrupted extends Error {
  override readonly name = "Interrupted";
}

/** What bounds the demo's waits: each has a deadline, and all end when the demo is told to. */
export interface Patience {
  readonly signal: AbortSignal;
  /** @throws Failure `demo_failed` when `ms` are over, Interrupted when the demo is told to end */
  wait<Value>(what: string, ms: number, work: Promise<Value>): Promise<Value>;
}

/** @param signal Fires when the demo is told to end */
export function patience(signal: AbortSignal): Patience {
  // Each wait listens until it is over, and there are as many at once as messages under way.
  setMaxListeners(0, signal);
  return {
    signal,
    async wait(what, ms, work) {
      let end = () => {};
      const over = new Promise<never>((_resolve, reject) => {
        const timer = setTimeout(
          () => reject(new Failure("demo_failed", `${what}: not within ${ms / 1000} s`)),
          ms,
        );
        const interrupt = () => reject(new Interrupted("interrupted"));
        signal.addEventListener("abort", interrupt);
        if (signal.aborted) interrupt();
        end = () => {
          clearTimeout(timer);
          signal.removeEventListener("abort", interrupt);
        };
      });
      try {
        return await Promise.race([work, over]);
      } finally {
        end();
      }
    },
  };
}
