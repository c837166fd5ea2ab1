import { connect, createServer, type AddressInfo, type Server, type Socket } from "node:net";

/** What stands between nodes and a server: it forwards every byte, and can be pulled out, put back, and made to hang. */
export class Cable {
  port = 0;
  readonly #to: number;
  readonly #sockets = new Set<Socket>();
  #server: Server | undefined;

  private constructor(to: number) {
    this.#to = to;
  }

  static async to(port: number): Promise<Cable> {
    const cable = new Cable(port);
    await cable.heal();
    return cable;
  }

  /** How many connections there are now. */
  get connections(): number {
    return this.#sockets.size / 2;
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
    await new Promise<void>((resolve) => server.listen(this.port, "127.0.0.1", resolve));
    this.port = (server.address() as AddressInfo).port;
  }

  async close(): Promise<void> {
    await this.cut();
  }

  #join(near: Socket): void {
    if (this.#server === undefined) return void near.destroy();
    const far = connect(this.#to, "127.0.0.1");
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
