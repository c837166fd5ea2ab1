import type { NodeId, SendResult } from "@multifleet/core";
import { aborted } from "./failure.js";

/** Between two wake-ups of one machine, in ms: a sleeper takes about this long until it speaks. */
export const gapMs = 30_000;

interface Running {
  readonly result: Promise<SendResult>;
  readonly stop: AbortController;
  waiting: number;
}

/** Does something for each target at most once in a while: who comes meanwhile joins, and who comes soon after has it done already. */
export class Once {
  readonly #running = new Map<NodeId, Running>();
  readonly #doneAt = new Map<NodeId, number>();
  /** All that has not ended, also what nobody waits for any more. */
  readonly #unended = new Set<Running>();

  /**
   * Does `act` for `target`, unless it is being done or was done less than {@link gapMs} ago. A failure is not remembered. When everybody who
   * waits has gone, `act` is stopped.
   */
  async do(
    target: NodeId,
    signal: AbortSignal,
    act: (stop: AbortSignal) => Promise<SendResult>,
  ): Promise<SendResult> {
    const doneAt = this.#doneAt.get(target);
    if (doneAt !== undefined && performance.now() - doneAt < gapMs) return { ok: true, effect: "wakes" };
    const running = this.#running.get(target) ?? this.#start(target, act);
    running.waiting++;
    let leave: () => void = () => undefined;
    const left = new Promise<SendResult>((resolve) => (leave = () => resolve(aborted())));
    signal.addEventListener("abort", leave);
    try {
      return await Promise.race([running.result, left]);
    } finally {
      signal.removeEventListener("abort", leave);
      running.waiting--;
      if (running.waiting === 0) this.#end(target, running);
    }
  }

  /** Stops what is being done, and resolves when it has ended. */
  async stop(): Promise<void> {
    const unended = [...this.#unended];
    for (const { stop } of unended) stop.abort();
    await Promise.all(unended.map(({ result }) => result));
  }

  #start(target: NodeId, act: (stop: AbortSignal) => Promise<SendResult>): Running {
    const stop = new AbortController();
    const result = act(stop.signal).then((ended) => {
      this.#end(target, running);
      this.#unended.delete(running);
      if (ended.ok) this.#doneAt.set(target, performance.now());
      return ended;
    });
    const running: Running = { result, stop, waiting: 0 };
    this.#running.set(target, running);
    this.#unended.add(running);
    return running;
  }

  /** It is over, or nobody wants it any more: who comes now begins anew. */
  #end(target: NodeId, running: Running): void {
    running.stop.abort();
    if (this.#running.get(target) === running) this.#running.delete(target);
  }
}
