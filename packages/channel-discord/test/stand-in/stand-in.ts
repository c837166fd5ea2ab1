import { createServer, type Server } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { Api, type Message } from "./api.js";
import { Gateway } from "./gateway.js";

const bot = { id: "1300000000000000001", username: "fleet", bot: true };

/** Discord, on loopback: the REST API, the gateway and the host of attachments of one bot in one channel. */
export class StandIn {
  readonly token = "MTMwMDAwMDAwMDAwMDAwMDAwMQ.GhIjKl.a-token_that-no_one_may_see_anywhere";
  readonly channel = "1400000000000000001";
  readonly bot: Message["author"] = bot;
  readonly api: Api;
  readonly gateway: Gateway;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #port = 0;

  private constructor() {
    this.#server = createServer((request, response) => {
      this.api.handle(request, response).catch((error: Error) => response.destroy(error));
    });
    this.#server.on("connection", (socket: Socket) => {
      this.#sockets.add(socket);
      socket.on("error", () => undefined);
      socket.on("close", () => this.#sockets.delete(socket));
    });
    this.gateway = new Gateway(this.#server, this.token, bot);
    this.api = new Api(this.gateway, { token: this.token, channel: this.channel, bot });
  }

  static async open(): Promise<StandIn> {
    const standIn = new StandIn();
    await standIn.heal();
    return standIn;
  }

  get host(): string {
    return `127.0.0.1:${this.#port}`;
  }

  /** What a channel needs to be a bot here. */
  get options(): { token: string; channel: string; api: string; attachmentHosts: readonly string[] } {
    const { token, channel, host } = this;
    return { token, channel, api: `http://${host}/api`, attachmentHosts: [host] };
  }

  /** How many connections are open, of all kinds. */
  get connections(): number {
    return this.#sockets.size;
  }

  /** Something posted by the bot itself, as another node of the fleet does. */
  post(content: string, ...files: readonly Buffer[]): Message {
    const named = files.map((bytes) => ({ name: "packet.age", bytes }));
    return this.api.add(bot, content, named, `http://${this.host}`);
  }

  /** Something posted by somebody else. `shown`: the bot was given the message content intent, and sees what it says. */
  chat(content: string, shown: boolean, ...files: readonly Buffer[]): Message {
    const author = { id: "1500000000000000001", username: "somebody", bot: false };
    const named = files.map((bytes) => ({ name: "packet.age", bytes }));
    return this.api.add(author, content, named, `http://${this.host}`, { shown });
  }

  /** Nothing of it answers any more. */
  async cut(): Promise<void> {
    if (!this.#server.listening) return;
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async heal(): Promise<void> {
    if (this.#server.listening) return;
    await new Promise<void>((resolve) => this.#server.listen(this.#port, "127.0.0.1", resolve));
    this.#port = (this.#server.address() as AddressInfo).port;
  }
}
