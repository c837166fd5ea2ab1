import { type ChannelError, type NodeId, type SendResult } from "@multifleet/core";
import { maxCommitFrames } from "./chain.js";
import { exchange } from "./exchange.js";
import { asChannelError, channelError, failureOf } from "./failure.js";
import { refOf } from "./names.js";
import { isLost, nothing, type Connection, type Outcome, type Service, type Session } from "./session.js";
import type { Covered, Made, Spool } from "./spool.js";

/** What goes in one push, in bytes: small enough to be read in one piece at the other end. */
const maxPushBytes = 4 * 1_024 * 1_024;
/** How often a push is made anew within one attempt, when refs change under it: their receivers take what is there at any time. */
const maxRounds = 5;

/** A frame that is to be pushed, and whoever waits for how that ends. */
interface Waiting extends Covered {
  settle: (result: SendResult) => void;
  isSettled: boolean;
}

export interface Outlet {
  readonly node: NodeId;
  readonly spool: Spool;
  /** The remote, for people. */
  readonly where: string;
  readonly timeoutMs: number;
  connect(service: Service): Connection;
  count(event: string): void;
  /** What an exchange told of the remote. */
  tell(failure: ChannelError | undefined): void;
}

/** Pushes frames to one remote, one push at a time: what comes while one is running goes together in the next, to whatever nodes it is for. */
export class Outgoing {
  readonly #outlet: Outlet;
  #queue: Waiting[] = [];
  #batch: Waiting[] = [];
  #running: Promise<void> | undefined;
  #abort = new AbortController();
  #isClosed = false;

  constructor(outlet: Outlet) {
    this.#outlet = outlet;
  }

  /** How many frames are on their way. */
  get pending(): number {
    return this.#queue.length + this.#batch.length;
  }

  async send(frame: Covered, signal: AbortSignal): Promise<SendResult> {
    return new Promise((resolve) => {
      const waiting: Waiting = {
        ...frame,
        isSettled: false,
        settle: (result) => {
          waiting.isSettled = true;
          signal.removeEventListener("abort", aborted);
          resolve(result);
        },
      };
      const aborted = () => {
        waiting.settle({ ok: false, error: channelError("ABORTED", "the send was aborted") });
        // Nobody waits for the push any more.
        if (this.#batch.includes(waiting) && this.#batch.every((each) => each.isSettled)) this.#abort.abort();
      };
      if (this.#isClosed) return waiting.settle(closed());
      if (signal.aborted) return aborted();
      signal.addEventListener("abort", aborted);
      this.#queue.push(waiting);
      this.#running ??= this.#run();
    });
  }

  /** Ends every push, and resolves when nothing of them is left. */
  async close(): Promise<void> {
    this.#isClosed = true;
    for (const waiting of [...this.#queue, ...this.#batch]) waiting.settle(closed());
    this.#abort.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    // What is sent in the same tick goes together.
    await Promise.resolve();
    for (this.#fill(); this.#batch.length > 0; this.#fill()) {
      this.#abort = new AbortController();
      if (!this.#isClosed) await this.#push(this.#batch);
      this.#batch = [];
    }
    this.#running = undefined;
  }

  #fill(): void {
    this.#queue = this.#queue.filter(({ isSettled }) => !isSettled);
    let size = 0;
    const fits = this.#queue.findIndex(
      ({ bytes }, index) => index >= maxCommitFrames || ((size += bytes.length) > maxPushBytes && index > 0),
    );
    this.#batch = this.#queue.splice(0, fits < 0 ? this.#queue.length : fits);
  }

  /** Pushes frames, and again those whose refs changed meanwhile. Settles them all. */
  async #push(frames: readonly Waiting[]): Promise<void> {
    let left = frames;
    try {
      for (let round = 1; left.length > 0; round++) {
        left = await this.#attempt(left);
        if (left.length === 0) return;
        this.#outlet.count("lost_races");
        if (round === maxRounds) {
          const error = channelError("BUSY", `others kept changing the ref through ${maxRounds} pushes`);
          for (const waiting of left) waiting.settle({ ok: false, error });
          return;
        }
      }
    } catch (thrown) {
      const error = asChannelError(thrown);
      // Each alone may pass where all together do not.
      if (error.code === "TOO_LARGE" && left.length > 1) {
        for (const waiting of left) await this.#push([waiting]);
        return;
      }
      if (error.code !== "ABORTED") {
        this.#outlet.count("push_errors");
        this.#outlet.tell(error);
      }
      for (const waiting of left) waiting.settle({ ok: false, error });
    }
  }

  /** One push. @returns The frames whose refs were changed by others at the same time. @throws ChannelError */
  async #attempt(frames: readonly Waiting[]): Promise<readonly Waiting[]> {
    const { node, connect, timeoutMs } = this.#outlet;
    const targets = new Map<NodeId, Waiting[]>();
    for (const waiting of frames) targets.set(waiting.to, [...(targets.get(waiting.to) ?? []), waiting]);
    const refs = new Map([...targets.keys()].map((to) => [refOf(to, node), to]));
    const bounds = { signal: this.#abort.signal, timeoutMs };
    return await exchange(
      connect("git-receive-pack"),
      (ref) => refs.has(ref),
      bounds,
      (session) => this.#write(session, targets),
    );
  }

  async #write(
    session: Session,
    targets: ReadonlyMap<NodeId, readonly Waiting[]>,
  ): Promise<readonly Waiting[]> {
    const { node, spool, where } = this.#outlet;
    const made: Made[] = [];
    try {
      const commands = [];
      for (const [to, frames] of targets) {
        const ref = refOf(to, node);
        const old = session.refs.get(ref);
        const commit = await spool.commit(frames, old);
        made.push(commit);
        commands.push({ ref, old: old ?? nothing, new: commit.commit });
      }
      const outcomes = await session.push(commands, await spool.pack(made));
      this.#outlet.tell(undefined);
      const lost: Waiting[] = [];
      for (const [to, frames] of targets) {
        const outcome = outcomes.get(refOf(to, node));
        if (outcome === undefined || isLost(outcome)) lost.push(...frames);
        else for (const waiting of frames) waiting.settle(resultOf(outcome, where));
      }
      return lost;
    } finally {
      await spool.forget(made);
    }
  }
}

function resultOf({ isDone, why, said }: Outcome, where: string): SendResult {
  return isDone ? { ok: true, effect: "stores" } : { ok: false, error: failureOf(`${why} ${said}`, where) };
}

function closed(): SendResult {
  return { ok: false, error: channelError("CLOSED", "the link is closed") };
}
