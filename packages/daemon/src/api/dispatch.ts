import type { IncomingMessage, ServerResponse } from "node:http";
import { join } from "node:path";
import type { Counters } from "@multifleet/core";
import * as z from "zod";
import type { counterTable } from "../counters.js";
import { explain } from "../failure.js";
import type { Log } from "../log.js";
import type { FleetNode } from "../node.js";
import { Problem } from "../problem.js";
import { Door } from "./authorize.js";
import { checkBody, Disconnected, hasBody, readBody } from "./body.js";
import type { Endpoint } from "./endpoint.js";
import { endpoints } from "./endpoints.js";
import { streamEvents } from "./event-stream.js";
import { validate } from "./faults.js";
import { guard } from "./guard.js";
import { parseJson } from "./json.js";
import { describeApi } from "./openapi.js";
import { fixedHeaders, linger, problemDocument, sendText } from "./respond.js";
import { Routes, type Match } from "./routes.js";

const noParameters = z.strictObject({});

export interface DispatchOptions {
  readonly node: FleetNode;
  readonly counters: Counters<typeof counterTable>;
  readonly token: string;
  readonly log: Log;
  /** The one right Host header. */
  readonly host: string;
  /** How long an event stream may be silent, in milliseconds. */
  readonly keepAliveMs: number;
}

/** Takes each request from its first look to its answer: guard, route, credentials, validation, handler. */
export class Dispatch {
  readonly #options: DispatchOptions;
  readonly #door: Door;
  readonly #routes = new Routes(endpoints);
  /** Requests that wait for something and must be told when the API closes. */
  readonly #waiting = new Set<AbortController>();
  #document: object | undefined;
  #closed = false;

  constructor(options: DispatchOptions) {
    this.#options = options;
    this.#door = new Door(options.token, join(options.node.home, "api.token"));
  }

  /** Answers one request. Never rejects. */
  async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    this.#options.counters.count("api_requests_total");
    try {
      await this.#serve(request, response);
    } catch (thrown) {
      this.#refuse(request, response, thrown);
    }
  }

  /** From now on nothing new is begun; what waits is answered with what is known. */
  close(): void {
    this.#closed = true;
    for (const controller of this.#waiting) controller.abort();
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    guard(request, this.#options.host);
    if (this.#closed)
      throw new Problem("shutting_down", "The node is shutting down.", { extra: { retry_after_s: 1 } });
    const match = this.#routes.find(request.method ?? "", request.url ?? "");
    const { endpoint } = match;
    const known = this.#door.showsToken(request);
    if (!known) {
      if (endpoint.access === "token") throw this.#door.refusal();
      await this.#door.requireOwnUser(request.socket);
    }
    const { params, query, headers } = parameters(match, request);
    const body = await readInput(endpoint, request, response);
    if (!known && endpoint.needsToken?.(body) === true) throw this.#door.refusal();

    const signal = this.#signals(response);
    const openApi = () => this.#describe();
    const { node } = this.#options;
    const answer = await endpoint.handle({ node, params, query, headers, body, signal, openApi });
    if (endpoint.media === "text/event-stream") {
      if (request.method === "HEAD") response.writeHead(200, fixedHeaders).end();
      else this.#stream(response, answer as number | undefined, signal());
    } else if (endpoint.status === 204) response.writeHead(204, fixedHeaders).end();
    else if (endpoint.media !== undefined)
      this.#send(response, endpoint.status, endpoint.media, String(answer));
    else {
      const status = endpoint.statusOf?.(answer) ?? endpoint.status;
      this.#send(response, status, "application/json", `${JSON.stringify(answer)}\n`);
    }
  }

  #send(response: ServerResponse, status: number, type: string, text: string): void {
    // What was begun before the close is answered, and its connection ends with it.
    if (this.#closed) response.shouldKeepAlive = false;
    sendText(response, status, type, text);
  }

  #stream(response: ServerResponse, after: number | undefined, signal: AbortSignal): void {
    const { node, counters, keepAliveMs } = this.#options;
    streamEvents(response, node.events, after, {
      signal,
      keepAliveMs,
      onCut: () => counters.count("api_streams_cut_total"),
    });
  }

  #refuse(request: IncomingMessage, response: ServerResponse, thrown: unknown): void {
    const { counters } = this.#options;
    if (thrown instanceof Disconnected) {
      counters.count("api_disconnects_total");
      return;
    }
    const problem = thrown instanceof Problem ? thrown : this.#unexpected(request, thrown);
    if (thrown === problem) counters.count("api_refusals_total", problem.code);
    if (response.headersSent) {
      response.destroy();
      return;
    }
    if (this.#closed) response.shouldKeepAlive = false;
    const { text, headers } = problemDocument(problem);
    if (hasBody(request) && !request.complete) linger(request, response, problem.status, text, headers);
    else sendText(response, problem.status, headers["content-type"], text, headers);
  }

  #unexpected({ method, url }: IncomingMessage, thrown: unknown): Problem {
    this.#options.counters.count("api_errors_total");
    const stack = thrown instanceof Error ? thrown.stack : undefined;
    const path = url?.split("?", 1)[0];
    this.#options.log.error("api_request_failed", { method, path, reason: explain(thrown), stack });
    return new Problem("internal", "The node failed at this request; its log says more.");
  }

  /** Makes the signal of one request when it is first asked for. */
  #signals(response: ServerResponse): () => AbortSignal {
    let controller: AbortController | undefined;
    return () => {
      if (controller === undefined) {
        const made = new AbortController();
        controller = made;
        this.#waiting.add(made);
        response.on("close", () => {
          this.#waiting.delete(made);
          // An answer that is out has nothing left to end, and an abort costs an error with its stack.
          if (!response.writableFinished) made.abort();
        });
        if (this.#closed || response.destroyed) made.abort();
      }
      return controller.signal;
    };
  }

  #describe(): object {
    const { node, host } = this.#options;
    this.#document ??= describeApi(endpoints, { version: node.version, url: `http://${host}` });
    return this.#document;
  }
}

/** What the path, the query and the headers say. @throws Problem */
function parameters({ endpoint, params, query }: Match, { headers }: IncomingMessage) {
  return {
    params: endpoint.params === undefined ? params : validate(endpoint.params, params, "path"),
    query: validate(endpoint.query ?? noParameters, query, "query"),
    headers:
      endpoint.headers === undefined
        ? {}
        : validate(endpoint.headers, pick(headers, endpoint.headers.shape), "header"),
  };
}

/** Those of a request's headers that an endpoint knows. */
function pick(headers: IncomingMessage["headers"], known: object): Record<string, unknown> {
  const picked: Record<string, unknown> = {};
  for (const name in known) if (headers[name] !== undefined) picked[name] = headers[name];
  return picked;
}

/** What the body says; no body at all is an empty object. @throws Problem @throws Disconnected */
async function readInput(
  endpoint: Endpoint,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<unknown> {
  if (!hasBody(request)) return endpoint.body === undefined ? undefined : validate(endpoint.body, {}, "body");
  checkBody(request);
  if (endpoint.body === undefined)
    throw new Problem("bad_request", `${endpoint.method} ${endpoint.path} takes no body.`);
  return validate(endpoint.body, parseJson(await readBody(request, response)), "body");
}
