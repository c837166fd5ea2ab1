import { connect, createServer } from "node:net";

/**
 * What a proxy does to what it carries. `latency` in milliseconds each way; `hang` takes everything and carries nothing; `cut` is a closed port.
 *
 * @typedef {{ state: "pass" | "hang" | "cut", latency?: number }} Toxic
 */

/** A TCP proxy that can be made slow, deaf or dead, one that this project's tests own. */
export class ToxicProxy {
  /** @type {import("node:net").Server | undefined} */
  #server;
  /** @type {Set<import("node:net").Socket>} */
  #sockets = new Set();
  /** @type {Toxic} */
  #toxic = { state: "pass" };
  #at;
  #target;

  /**
   * @param {{ host: string, port: number }} at
   * @param {{ host: string, port: number }} target
   */
  constructor(at, target) {
    this.#at = at;
    this.#target = target;
  }

  /** @param {Toxic} toxic */
  async set(toxic) {
    this.#toxic = toxic;
    if (toxic.state === "cut") return await this.close();
    if (this.#server !== undefined) return;
    const server = createServer((near) => this.#carry(near));
    this.#server = server;
    await new Promise((resolve, reject) => {
      server.once("error", reject);
      server.listen(this.#at.port, this.#at.host, () => resolve(undefined));
    });
  }

  async close() {
    const server = this.#server;
    this.#server = undefined;
    for (const socket of this.#sockets) socket.destroy();
    if (server !== undefined) await new Promise((resolve) => server.close(resolve));
  }

  /** @param {import("node:net").Socket} near */
  #carry(near) {
    const far = connect(this.#target.port, this.#target.host);
    this.#pipe(near, far);
    this.#pipe(far, near);
  }

  /**
   * @param {import("node:net").Socket} from
   * @param {import("node:net").Socket} to
   */
  #pipe(from, to) {
    this.#sockets.add(from);
    from.setNoDelay(true);
    from.on("error", () => to.destroy());
    from.on("close", () => {
      this.#sockets.delete(from);
      to.destroy();
    });
    from.on("data", (bytes) => {
      const { state, latency = 0 } = this.#toxic;
      if (state === "hang") return;
      if (latency === 0) to.write(bytes);
      else setTimeout(() => to.writable && to.write(bytes), latency);
    });
  }
}
