import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Server, type Socket } from "node:net";
import type { Channel } from "../packages/core/src/index.js";

/** A port of 127.0.0.1, or a socket's path. */
type Place = number | string;

/** What stands between a server and everybody else: it forwards every byte, and can be pulled out and put back. */
export class Cable {
  readonly #sockets = new Set<Socket>();
  #near: Place;
  #far: Place = 0;
  #server: Server | undefined;

  /** @param near where it is to be reached: 0 for any free port */
  constructor(near: Place = 0) {
    this.#near = near;
  }

  /** One to a server that is there. */
  static async to(far: Place): Promise<Cable> {
    const cable = new Cable();
    cable.#far = far;
    await cable.heal();
    return cable;
  }

  /**
   * A channel like `inner` whose peers reach it through this cable only.
   *
   * @param leads where the address that `inner` listens on leads
   * @param told what peers are told in place of that address
   */
  channel(inner: Channel, leads: (address: string) => Place, told: (address: string) => string): Channel {
    return {
      ...inner,
      open: async (host, options) => {
        const link = await inner.open(host, options);
        const [address = ""] = link.addresses;
        this.#far = leads(address);
        await this.heal();
        return {
          addresses: [told(address)],
          closed: link.closed,
          reaches: (to) => link.reaches(to),
          send: (frame, how) => link.send(frame, how),
          [Symbol.asyncDispose]: async () => {
            await link[Symbol.asyncDispose]();
            await this.cut();
          },
        };
      },
    };
  }

  get port(): number {
    return Number(this.#near);
  }

  /** How many connections there are now. */
  get connections(): number {
    return this.#sockets.size / 2;
  }

  /** Pulls it out: every connection ends, and no other is made. */
  async cut(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    for (const socket of this.#sockets) socket.destroy();
    await new Promise<void>((resolve) => (server === undefined ? resolve() : server.close(() => resolve())));
  }

  /** Puts it back where it was. */
  async heal(): Promise<void> {
    if (this.#server !== undefined) return;
    const server = createServer((near) => this.#join(near));
    this.#server = server;
    server.listen(at(this.#near));
    await once(server, "listening");
    if (typeof this.#near === "number") this.#near = (server.address() as AddressInfo).port;
  }

  #join(near: Socket): void {
    if (this.#server === undefined) return void near.destroy();
    const far = connect(at(this.#far));
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      this.#sockets.add(one);
      one.on("error", () => other.destroy());
      one.on("close", () => {
        this.#sockets.delete(one);
        other.destroy();
      });
      one.pipe(other);
    }
  }
}

function at(place: Place) {
  return typeof place === "number" ? { host: "127.0.0.1", port: place } : { path: place };
}
