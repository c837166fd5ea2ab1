import { timingSafeEqual } from "node:crypto";
import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import { Problem } from "../problem.js";
import { clientUser } from "./client-user.js";

/** Who may call: whoever shows the token, and for a few things a program of the daemon's own user. */
export class Door {
  readonly #token: Buffer;
  readonly #hint: string;
  /** A connection's user does not change while it lasts. */
  readonly #own = new WeakMap<Socket, Promise<boolean>>();

  /** @param tokenFile Where the user finds the token. */
  constructor(token: string, tokenFile: string) {
    this.#token = Buffer.from(token);
    this.#hint = `Send the header "Authorization: Bearer TOKEN" with the token from ${tokenFile}.`;
  }

  /**
   * Whether the request shows the token.
   *
   * @throws Problem `unauthorized` for any other credentials, also where none are needed: who shows a token means to be somebody.
   */
  showsToken(request: IncomingMessage): boolean {
    const header = request.headers.authorization;
    if (header === undefined) return false;
    const given = Buffer.from(/^Bearer +(\S+)$/i.exec(header)?.[1] ?? "");
    // The time taken tells the token's length, which is the same for every node.
    if (given.length === this.#token.length && timingSafeEqual(given, this.#token)) return true;
    throw new Problem(
      "unauthorized",
      `The Authorization header does not hold this node's token. ${this.#hint}`,
    );
  }

  /** @throws Problem `unauthorized` unless the connection comes from the user that the daemon runs as. */
  async requireOwnUser(socket: Socket): Promise<void> {
    let own = this.#own.get(socket);
    if (own === undefined) {
      own = clientUser(socket).then((user) => user !== undefined && user === process.geteuid?.());
      this.#own.set(socket, own);
    }
    if (await own) return;
    throw new Problem(
      "unauthorized",
      `Without a token only programs of the user that the daemon runs as may call, and it cannot be seen that this is one. ${this.#hint}`,
    );
  }

  /** For an endpoint or a body that needs the token where none was shown. */
  refusal(): Problem {
    return new Problem("unauthorized", `This needs the token. ${this.#hint}`);
  }
}
