import { createServer, type Server, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { explain } from "../failure.js";
import { Problem } from "../problem.js";
import { Dispatch, type DispatchOptions } from "./dispatch.js";
import { rawAnswer } from "./respond.js";

/** What the server grants its clients. */
export interface ApiLimits {
  /** Connections at a time. */
  readonly connections: number;
  /** For a request's head, and for all of a request, in milliseconds. */
  readonly headMs: number;
  readonly requestMs: number;
  /** How often the two are looked at, in milliseconds. */
  readonly lookMs: number;
  /** How long a connection may be idle between requests, in milliseconds. */
  readonly idleMs: number;
  /** How long an event stream may be silent, in milliseconds. */
  readonly keepAliveMs: number;
  /** How long `close` waits for what is under way, in milliseconds. */
  readonly closeMs: number;
}

const defaultLimits: ApiLimits = {
  connections: 256,
  headMs: 10_000,
  requestMs: 30_000,
  lookMs: 5_000,
  idleMs: 60_000,
  keepAliveMs: 15_000,
  closeMs: 5_000,
};

/** The local API's address is this machine's own, whatever else it has. */
const address = "127.0.0.1";
/** Of a request's line and headers together. */
const maxHeadBytes = 8_192;

export interface ApiOptions extends Omit<DispatchOptions, "host" | "keepAliveMs"> {
  /** 0 for any free one. */
  readonly port: number;
  readonly limits?: Partial<ApiLimits>;
}

/** The local API while it is served. */
export interface Api {
  readonly port: number;
  /** Answers what is under way, ends the event streams, and resolves when no connection is left. */
  close(): Promise<void>;
}

/**
 * Serves a node's local API on 127.0.0.1. It stands on node:http alone: what a framework adds (routing, hooks, serializers) is a page of
 * code here and would cost every request more than its validation does, and the guards must see raw headers anyway.
 *
 * @throws What `listen` failed with, such as `EADDRINUSE`.
 */
export async function serveApi(options: ApiOptions): Promise<Api> {
  const { counters, log } = options;
  const limits = { ...defaultLimits, ...options.limits };
  const server = createServer({
    maxHeaderSize: maxHeadBytes,
    headersTimeout: limits.headMs,
    requestTimeout: limits.requestMs,
    connectionsCheckingInterval: limits.lookMs,
    keepAliveTimeout: limits.idleMs,
    // A missing Host header is for the guard to refuse, with a reason.
    requireHostHeader: false,
  });
  // None may hide behind a thousand others: their size is bounded, so their number need not be.
  server.maxHeadersCount = 0;
  server.maxConnections = limits.connections;
  await listen(server, options.port);
  const { port } = server.address() as AddressInfo;
  const dispatch = new Dispatch({ ...options, host: `${address}:${port}`, keepAliveMs: limits.keepAliveMs });
  /** Each connection, and the answer to its latest request. */
  const connections: Connections = new Map();

  server.on("connection", (socket) => {
    connections.set(socket, undefined);
    socket.on("close", () => connections.delete(socket));
  });
  for (const event of ["request", "checkContinue", "checkExpectation"] as const)
    server.on(event, (request, response) => {
      connections.set(request.socket, response);
      void dispatch.answer(request, response);
    });
  const refuseRaw = (socket: Socket, problem: Problem) => {
    counters.count("api_refusals_total", problem.code);
    socket.end(rawAnswer(problem), () => socket.destroy());
  };
  server.on("connect", (_, socket) => {
    refuseRaw(socket as Socket, new Problem("method_not_allowed", "This is no proxy."));
  });
  server.on("clientError", (error: NodeJS.ErrnoException, stream) => {
    const socket = stream as Socket;
    const response = connections.get(socket);
    // The answer to a whole request before this is still to come or half written: nothing can be said in its place.
    const busy =
      response !== undefined && !response.writableEnded && (response.req.complete || response.headersSent);
    if (busy && error.code === "HPE_CLOSED_CONNECTION") {
      // That request was to be the last: what follows it is not looked at, and the connection ends with its answer.
      counters.count("api_refusals_total", "bad_request");
    } else if (busy || error.code === "ECONNRESET" || !socket.writable) {
      counters.count("api_disconnects_total");
      socket.destroy();
    } else refuseRaw(socket, unreadable(error));
  });
  server.on("drop", () => counters.count("api_refusals_total", "too_many_connections"));
  server.on("error", (error) => {
    counters.count("api_errors_total");
    log.error("api_listener_failed", { reason: explain(error) });
  });

  let closing: Promise<void> | undefined;
  return {
    port,
    close: () => (closing ??= close(server, dispatch, connections, limits.closeMs)),
  };
}

type Connections = Map<Socket, ServerResponse | undefined>;

/** Why a request could not be read at all. */
function unreadable(error: NodeJS.ErrnoException): Problem {
  if (error.code === "HPE_HEADER_OVERFLOW")
    return new Problem("request_too_large", `A request's head may have ${maxHeadBytes} bytes.`, {
      extra: { limit: maxHeadBytes },
    });
  if (error.code === "ERR_HTTP_REQUEST_TIMEOUT")
    return new Problem("request_timeout", "The request did not come in time.");
  return new Problem("bad_request", `This is not an HTTP request: ${error.message}.`);
}

function listen(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen({ host: address, port, exclusive: true }, () => {
      server.off("error", reject);
      resolve();
    });
  });
}

async function close(
  server: Server,
  dispatch: Dispatch,
  connections: Connections,
  closeMs: number,
): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  dispatch.close();
  for (const [socket, response] of connections) {
    // node:http would keep those that have never sent a request.
    if (response === undefined || response.writableFinished) socket.destroy();
    else response.once("close", () => socket.destroySoon());
  }
  const deadline = setTimeout(() => server.closeAllConnections(), closeMs);
  await closed;
  clearTimeout(deadline);
}
