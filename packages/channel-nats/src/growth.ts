import type { ChannelHost } from "@multifleet/core";
import type { Api } from "./api.js";
import type { Line } from "./line.js";
import { growStream, replicasFor, type StreamState } from "./stream.js";

/** A server that has just joined has a place for nothing yet: so often it is asked again, after so long at first, in ms. */
const attempts = 5;
const firstWait = 500;

/** Spreads a stream over a cluster that grows: tried when the cluster changes, and a few times more. */
export class Growth {
  readonly #api: Api;
  readonly #line: Line;
  readonly #host: ChannelHost;
  readonly #onEnd: (grown: StreamState | undefined) => void;
  #timer: NodeJS.Timeout | undefined;
  #isStopped = false;

  /** @param onEnd is told how the stream is then; undefined where it stays as it was. */
  constructor(api: Api, line: Line, host: ChannelHost, onEnd: (grown: StreamState | undefined) => void) {
    this.#api = api;
    this.#line = line;
    this.#host = host;
    this.#onEnd = onEnd;
  }

  start(state: StreamState | undefined): void {
    if (state !== undefined) this.#plan(state, 0);
  }

  stop(): void {
    this.#isStopped = true;
    clearTimeout(this.#timer);
  }

  #plan(state: StreamState, attempt: number): void {
    clearTimeout(this.#timer);
    const { connection, settings } = this.#line;
    const [most = 1] = replicasFor(connection?.info, settings.replicas);
    if (this.#isStopped || most <= state.replicas || attempt === attempts) return;
    // Every node of the fleet hears of a new server at once, and one of them is enough.
    const wait = attempt === 0 ? Math.random() * firstWait : firstWait * 2 ** attempt;
    this.#timer = setTimeout(() => void this.#try(state, attempt), wait);
  }

  /** Never rejects. */
  async #try(state: StreamState, attempt: number): Promise<void> {
    const { connection, settings } = this.#line;
    let grown: StreamState | undefined;
    try {
      grown = await growStream(this.#api, state, replicasFor(connection?.info, settings.replicas));
    } catch {
      // A cluster that is changing refuses much; the next attempt, or the next change, tells.
      this.#host.count("grow_errors");
    }
    if (this.#isStopped) return;
    this.#onEnd(grown);
    if (grown !== undefined) this.#host.count("grown_streams");
    this.#plan(grown ?? state, attempt + 1);
  }
}
