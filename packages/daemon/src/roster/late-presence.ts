import { Problem } from "../problem.js";
import type { Presence, PresenceHost } from "./presence.js";

/** The roster at work, loaded once the node is ready: nobody waits for it who waits for the node. */
export class LatePresence {
  readonly #host: PresenceHost;
  #presence: Presence | undefined;
  #loading: Promise<Presence | undefined> | undefined;
  #ended = false;

  constructor(host: PresenceHost) {
    this.#host = host;
  }

  /** Undefined until it is loaded. */
  get now(): Presence | undefined {
    return this.#presence;
  }

  /** Loads it, once. Undefined when the node ends meanwhile. */
  load(): Promise<Presence | undefined> {
    this.#loading ??= import("./presence.js").then(({ Presence: Loaded }) => {
      if (this.#ended) return undefined;
      return (this.#presence = new Loaded(this.#host));
    });
    return this.#loading;
  }

  /** @throws Problem when the node ends meanwhile. */
  async loaded(): Promise<Presence> {
    const presence = await this.load();
    if (presence === undefined) throw new Problem("shutting_down", "the node is shutting down");
    return presence;
  }

  async end(): Promise<void> {
    this.#ended = true;
    await this.#presence?.end();
  }
}
