import { connect, createServer, type Server, type Socket } from "node:net";
import type { Channel } from "@multifleet/core";

/** What stands between a node's socket and everybody else: it forwards every byte, and can be pulled out and put back. */
export class Cable {
  readonly #sockets = new Set<Socket>();
  readonly #path: string;
  #server: Server | undefined;
  #to = "";

  /** @param path of the socket that peers are told instead of the node's own */
  constructor(path: string) {
    this.#path = path;
  }

  /** A channel like `inner` whose peers reach it through this cable only. */
  channel(inner: Channel): Channel {
    return {
      ...inner,
      open: async (host, options) => {
        const link = await inner.open(host, options);
        const [, machine, path] = /^ipc:([^:]+):(.+)$/.exec(link.addresses[0] ?? "") ?? [];
        this.#to = path ?? "";
        await this.heal();
        return {
          addresses: [`ipc:${machine}:${this.#path}`],
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

  async cut(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    for (const socket of this.#sockets) socket.destroy();
    await new Promise<void>((resolve) => (server === undefined ? resolve() : server.close(() => resolve())));
  }

  async heal(): Promise<void> {
    if (this.#server !== undefined) return;
    const server = createServer((near) => this.#join(near));
    this.#server = server;
    await new Promise<void>((resolve) => server.listen(this.#path, resolve));
  }

  #join(near: Socket): void {
    if (this.#server === undefined) return void near.destroy();
    const far = connect(this.#to);
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
