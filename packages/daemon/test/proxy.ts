import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Server, type Socket } from "node:net";

/**
 * What a link does: `pass` carries both ways; `deaf` carries to the far side and loses what comes back; `hang` takes everything and
 * carries nothing; `cut` is a closed port.
 */
export type LinkState = "pass" | "deaf" | "hang" | "cut";

/** A TCP link to `target` on this machine that can be made to fail. */
export class TestLink implements AsyncDisposable {
  #target: number;
  readonly #sockets = new Set<Socket>();
  #server: Server | undefined;
  #state: LinkState = "pass";
  /** Answers that `deaf` has lost. */
  lost = 0;
  port = 0;

  private constructor(target: number) {
    this.#target = target;
  }

  static async to(target: number): Promise<TestLink> {
    const link = new TestLink(target);
    await link.set("pass");
    return link;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** Leads somewhere else from the next connection on. */
  lead(target: number): void {
    this.#target = target;
  }

  /** Changes the link; connections that are open end, unless it only begins to hang. */
  async set(state: LinkState): Promise<void> {
    this.#state = state;
    if (state !== "hang") for (const socket of this.#sockets) socket.destroy();
    if (state === "cut") return this.#close();
    if (this.#server !== undefined) return;
    this.#server = createServer((near) => this.#carry(near));
    this.#server.listen(this.port, "127.0.0.1");
    await once(this.#server, "listening");
    this.port = (this.#server.address() as AddressInfo).port;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.set("cut");
  }

  #carry(near: Socket): void {
    const far = connect(this.#target, "127.0.0.1");
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      this.#sockets.add(from);
      from.on("error", () => to.destroy());
      from.on("close", () => {
        this.#sockets.delete(from);
        to.destroy();
      });
    }
    near.on("data", (bytes) => {
      if (this.#state !== "hang") far.write(bytes);
    });
    far.on("data", (bytes) => {
      if (this.#state === "pass") near.write(bytes);
      if (this.#state !== "deaf") return;
      this.lost++;
      near.destroy();
    });
  }

  async #close(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    if (server === undefined) return;
    server.close();
    await once(server, "close");
  }
}
