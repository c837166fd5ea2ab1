import type { Socket } from "node:net";

/**
 * The connections of a listener. When there are too many, the oldest goes that never brought a genuine frame, so that
 * strangers by the thousand shut out neither the peers that are connected nor the next one.
 */
export class Guests {
  readonly #most: number;
  readonly #strangers = new Set<Socket>();
  readonly #known = new Set<Socket>();
  /** How many requests are being answered on a connection, where there are any. */
  readonly #requests = new Map<Socket, number>();

  constructor(most: number) {
    this.#most = most;
  }

  /** Takes in a new connection. @returns Whether one had to go for it. */
  admit(socket: Socket): boolean {
    this.#strangers.add(socket);
    socket.once("close", () => {
      this.#strangers.delete(socket);
      this.#known.delete(socket);
      this.#requests.delete(socket);
    });
    if (this.#strangers.size + this.#known.size <= this.#most) return false;
    const [oldest] = this.#strangers;
    if (oldest !== undefined) {
      this.#strangers.delete(oldest);
      oldest.destroy();
    }
    return true;
  }

  /** The connection has brought a genuine frame. */
  trust(socket: Socket): void {
    if (this.#strangers.delete(socket)) this.#known.add(socket);
  }

  /** A request on this connection is being answered, until `end` is called with it. */
  begin(socket: Socket): void {
    this.#requests.set(socket, (this.#requests.get(socket) ?? 0) + 1);
  }

  end(socket: Socket): void {
    const left = (this.#requests.get(socket) ?? 0) - 1;
    if (left > 0) this.#requests.set(socket, left);
    else this.#requests.delete(socket);
  }

  isBusy(socket: Socket): boolean {
    return this.#requests.has(socket);
  }

  /** Ends every connection on which nothing is being answered. */
  dismissIdle(): void {
    for (const socket of [...this.#strangers, ...this.#known]) if (!this.isBusy(socket)) socket.destroy();
  }
}
