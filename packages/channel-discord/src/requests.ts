import { Agent as HttpAgent, request as requestHttp, type IncomingMessage } from "node:http";
import { Agent as HttpsAgent, request as requestHttps } from "node:https";
import type { Socket } from "node:net";
import { fault } from "./failure.js";

/** One request, with all that bounds it. */
export interface Call {
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Uint8Array;
  /** The longest body of an answer that is read, in bytes. */
  readonly maxBytes: number;
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Buffer;
}

/**
 * The HTTP of a link, on connections of its own: so an end closes every one of them, no answer grows beyond its limit, and nothing is
 * redirected elsewhere. discord.js' own goes by connections that the whole program shares.
 */
export class Requests {
  readonly #agents = [
    new HttpAgent({ keepAlive: true, maxSockets: 8 }),
    new HttpsAgent({ keepAlive: true, maxSockets: 8 }),
  ] as const;
  readonly #sockets = new Set<Socket>();
  readonly #calls = new Set<(error: Error) => void>();
  #isClosed = false;

  /** @throws What Node says of a connection that failed; ChannelError `TIMEOUT`, `ABORTED`, `CLOSED`, or `INTERNAL` for too long an answer. */
  async call(url: string, { method, headers, body, maxBytes, timeoutMs, signal }: Call): Promise<Answer> {
    if (this.#isClosed) throw fault("CLOSED", "the link is closed");
    if (signal?.aborted === true) throw fault("ABORTED", "the request was aborted");
    const isSecure = url.startsWith("https:");
    const request = isSecure ? requestHttps : requestHttp;
    const call = request(url, { method, headers: { ...headers }, agent: this.#agents[isSecure ? 1 : 0] });
    call.on("socket", (socket) => this.#keep(socket));
    let stop: (error: Error) => void = () => undefined;
    const ended = new Promise<Answer>((resolve, reject) => {
      stop = (error) => {
        reject(error);
        call.destroy();
      };
      call.on("error", reject);
      call.on("response", (response) => read(response, maxBytes, resolve, stop));
    });
    const abort = () => stop(fault("ABORTED", "the request was aborted"));
    const timer = setTimeout(() => stop(fault("TIMEOUT", `no answer within ${timeoutMs} ms`)), timeoutMs);
    signal?.addEventListener("abort", abort);
    this.#calls.add(stop);
    try {
      call.end(body);
      return await ended;
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener("abort", abort);
      this.#calls.delete(stop);
    }
  }

  /** Ends every request and every connection; resolves when none is left. */
  async close(): Promise<void> {
    this.#isClosed = true;
    for (const stop of this.#calls) stop(fault("CLOSED", "the link was closed"));
    const sockets = [...this.#sockets];
    const ends = sockets.map((socket) => new Promise((resolve) => socket.once("close", resolve)));
    for (const agent of this.#agents) agent.destroy();
    for (const socket of sockets) socket.destroy();
    await Promise.all(ends);
  }

  #keep(socket: Socket): void {
    if (this.#sockets.has(socket)) return;
    this.#sockets.add(socket);
    socket.once("close", () => this.#sockets.delete(socket));
    if (this.#isClosed) socket.destroy();
  }
}

/** Reads a body to its end, which it must reach within `maxBytes`. */
function read(
  response: IncomingMessage,
  maxBytes: number,
  done: (answer: Answer) => void,
  fail: (error: Error) => void,
): void {
  const chunks: Buffer[] = [];
  let size = 0;
  response.on("data", (chunk: Buffer) => {
    size += chunk.length;
    if (size <= maxBytes) chunks.push(chunk);
    else fail(fault("INTERNAL", `an answer of more than ${maxBytes} bytes`));
  });
  response.on("error", fail);
  response.on("end", () => {
    const headers = new Headers();
    for (const [name, value] of Object.entries(response.headers)) headers.set(name, String(value));
    done({ status: response.statusCode ?? 0, headers, body: Buffer.concat(chunks) });
  });
}
