import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { decodeFrames, encodeResults, packetsType } from "../src/protocol.js";

/** A request as it came in: its frames, and a way to answer it. */
export interface Letter {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly frames: readonly string[];
  readonly bytes: number;
  /** Says of every frame that it was taken, with the frame itself as the answer. */
  take(): void;
}

/** A peer's listener played by the test, which answers each request when and how the test says. */
export class Office {
  readonly letters: Letter[] = [];
  readonly #server: Server;
  #onLetter: (letter: Letter) => void = () => undefined;
  readonly #waiting = new Set<() => void>();

  private constructor(server: Server) {
    this.#server = server;
    server.on("request", (request, response) => this.#read(request, response));
  }

  static async open(): Promise<Office> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return new Office(server);
  }

  get address(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** What becomes of each further request. */
  onLetter(answer: (letter: Letter) => void): void {
    this.#onLetter = answer;
  }

  /** Resolves when `count` requests have come in all. */
  async arrived(count: number): Promise<void> {
    while (this.letters.length < count) await new Promise<void>((resolve) => this.#waiting.add(resolve));
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #read(request: IncomingMessage, response: ServerResponse): void {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const body = Buffer.concat(chunks);
      const frames = decodeFrames(body);
      if (!Array.isArray(frames)) throw new Error(`a request is ${frames}`);
      const take = () => {
        response.setHeader("content-type", packetsType);
        response.end(encodeResults(frames.map((answer) => ({ code: "taken", answer }))).body);
      };
      const letter = { request, response, frames: frames.map(String), bytes: body.length, take };
      this.letters.push(letter);
      this.#onLetter(letter);
      for (const resolve of this.#waiting) resolve();
      this.#waiting.clear();
    });
  }
}
