import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { ChannelError, type ChannelHost, type Verdict } from "@multifleet/core";
import { addressesOf } from "./addresses.js";
import { codeOf, failureToListen } from "./failure.js";
import { Guests } from "./guests.js";
import { Intake } from "./intake.js";
import type { Settings } from "./options.js";
import { decodeFrames, encodeResults, packetsType } from "./protocol.js";
import {
  answerGarbage,
  answerRefusal,
  badExpectation,
  busy,
  crowdedOut,
  malformed,
  refusalOf,
  tooLarge,
  type Refusal,
} from "./refusal.js";

/** A kept connection may be idle for this long, in ms: longer than peers keep one, so that it is they who close it. */
const keepAliveMs = 3_700_000;
/** How long requests may go on being answered once the listener is closed, in ms. */
const graceMs = 2_000;
/** The most frames that are handed to the daemon at one time. */
const maxFramesInHand = 4_096;

/** Starts to listen. @throws ChannelError `MISCONFIGURED` when host or port cannot be had, `INTERNAL` otherwise. */
export async function listen(host: ChannelHost, settings: Settings): Promise<Listener> {
  const listener = new Listener(host, settings);
  await listener.start();
  return listener;
}

/** The door for packets from peers: an HTTP server that answers one path and does nothing else. */
export class Listener {
  /** Resolves when the server ended without having been told to. */
  readonly broken: Promise<ChannelError>;
  readonly #host: ChannelHost;
  readonly #server: Server;
  readonly #guests: Guests;
  readonly #intake: Intake;
  readonly #settings: Settings;
  #port = 0;
  #bytesInHand = 0;
  #framesInHand = 0;
  #closing: Promise<void> | undefined;

  constructor(host: ChannelHost, settings: Settings) {
    const { requestTimeoutMs, maxConnections, maxInboundBytes } = settings;
    this.#host = host;
    this.#settings = settings;
    this.#guests = new Guests(maxConnections);
    this.#intake = new Intake(maxInboundBytes);
    this.#server = createServer({
      requestTimeout: requestTimeoutMs,
      connectionsCheckingInterval: Math.ceil(requestTimeoutMs / 6),
      keepAliveTimeout: keepAliveMs,
      keepAlive: true,
      keepAliveInitialDelay: 10_000,
      maxHeaderSize: 4_096,
      noDelay: true,
      // Checked where the refusal is counted.
      requireHostHeader: false,
    });
    // A peer that neither reads its answer nor goes away.
    this.#server.timeout = requestTimeoutMs * 2;
    this.#listenForTrouble();
    this.#server.on("request", (request, response) => {
      this.#serve(request, response).catch(() => {
        host.count("receive_errors");
        response.destroy();
      });
    });
    this.broken = new Promise((resolve) => {
      this.#server.once("close", () => {
        if (this.#closing === undefined) resolve(new ChannelError("INTERNAL", "http: the listener ended"));
      });
    });
  }

  get port(): number {
    return this.#port;
  }

  /** Where peers reach it, to be told to them. */
  get addresses(): readonly string[] {
    return this.#settings.advertise ?? addressesOf(this.#settings.host, this.#port);
  }

  async start(): Promise<void> {
    const { host, port } = this.#settings;
    await new Promise<void>((resolve, reject) => {
      const fail = (error: Error) => reject(failureToListen(error, host, port));
      this.#server.once("error", fail);
      this.#server.listen({ host, port }, () => {
        this.#server.off("error", fail);
        this.#server.on("error", () => this.#host.count("accept_errors"));
        this.#port = (this.#server.address() as AddressInfo).port;
        resolve();
      });
    });
  }

  /** Stops accepting, lets what is being answered be answered, and ends every connection. */
  close(): Promise<void> {
    this.#closing ??= new Promise((resolve) => {
      const deadline = setTimeout(() => this.#server.closeAllConnections(), graceMs);
      this.#server.close(() => {
        clearTimeout(deadline);
        resolve();
      });
      this.#guests.dismissIdle();
    });
    return this.#closing;
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { socket } = request;
    this.#guests.begin(socket);
    response.once("close", () => this.#guests.end(socket));
    response.sendDate = false;
    const refusal = refusalOf(request);
    if (refusal !== undefined) return this.#refuse(response, refusal);
    const body = await this.#intake.read(request);
    if (body === "cut_off") return this.#host.count("cut_off_requests");
    if (body === "too_large") return this.#refuse(response, tooLarge);
    if (body === "crowded_out") return this.#refuse(response, crowdedOut);
    const frames = decodeFrames(body);
    if (frames === "malformed") return this.#refuse(response, malformed);
    if (frames === "too_large") return this.#refuse(response, tooLarge);
    if (this.#closing !== undefined || !this.#hasRoomFor(frames.length, body.length))
      return this.#refuse(response, busy, this.#closing !== undefined);
    await this.#take(frames, body.length, response);
  }

  #hasRoomFor(frames: number, bytes: number): boolean {
    const { maxInboundBytes } = this.#settings;
    return this.#framesInHand + frames <= maxFramesInHand && this.#bytesInHand + bytes <= maxInboundBytes;
  }

  async #take(frames: readonly Uint8Array[], bytes: number, response: ServerResponse): Promise<void> {
    const socket = response.req.socket;
    const verdicts = await this.#judge(frames, bytes);
    if (response.destroyed) return this.#host.count("dropped_answers");
    const { body, dropped } = encodeResults(verdicts);
    for (let i = 0; i < dropped; i++) this.#host.count("dropped_answers");
    // Who brings nothing genuine has to knock anew each time.
    const genuine = verdicts.some(({ code }) => code !== "refused");
    if (genuine) this.#guests.trust(socket);
    if (!genuine || this.#closing !== undefined) response.setHeader("connection", "close");
    response.writeHead(200, { "content-type": packetsType, "content-length": body.length });
    response.end(body);
  }

  async #judge(frames: readonly Uint8Array[], bytes: number): Promise<readonly Verdict[]> {
    this.#framesInHand += frames.length;
    this.#bytesInHand += bytes;
    try {
      return await Promise.all(frames.map((frame) => this.#host.receive(frame)));
    } finally {
      this.#framesInHand -= frames.length;
      this.#bytesInHand -= bytes;
    }
  }

  #refuse(response: ServerResponse, refusal: Refusal, last = refusal !== busy): void {
    this.#host.count(refusal.counter);
    answerRefusal(response, refusal, last);
  }

  #listenForTrouble(): void {
    const server = this.#server;
    server.on("connection", (socket) => {
      if (this.#guests.admit(socket)) this.#host.count("evicted_connections");
    });
    server.on("checkContinue", (_, response) => this.#refuse(response, badExpectation));
    server.on("checkExpectation", (_, response) => this.#refuse(response, badExpectation));
    server.on("connect", (_, socket) => {
      this.#host.count("refused_requests");
      socket.destroy();
    });
    server.on("timeout", (socket) => {
      if (this.#guests.isBusy(socket)) this.#host.count("stalled_connections");
      socket.destroy();
    });
    server.on("clientError", (error, socket) => {
      const { counter, status } = troubleOf(codeOf(error));
      this.#host.count(counter);
      if (status === undefined) socket.destroy(error);
      else answerGarbage(socket, status);
    });
  }
}

/** What becomes of a connection that Node gave up: which counter moves, and with which status it is answered, if it still can be. */
function troubleOf(code: string): { readonly counter: string; readonly status?: number } {
  if (code === "ERR_HTTP_REQUEST_TIMEOUT") return { counter: "slow_requests", status: 408 };
  if (code === "HPE_HEADER_OVERFLOW") return { counter: "malformed_requests", status: 431 };
  if (code.startsWith("HPE_")) return { counter: "malformed_requests", status: 400 };
  return { counter: "reset_connections" };
}
