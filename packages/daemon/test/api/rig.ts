import { request as httpRequest, type IncomingHttpHeaders } from "node:http";
import { connect } from "node:net";
import { Counters } from "@multifleet/core";
import { onTestFinished } from "vitest";
import { serveApi, type ApiLimits } from "../../src/api/serve.js";
import { counterTable } from "../../src/counters.js";
import { FakeNode } from "./fake-node.js";

/** What a served API answered. */
export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  /** The text as JSON, or undefined. */
  readonly json: Record<string, unknown> | undefined;
}

export interface Ask {
  readonly method?: string;
  readonly headers?: Record<string, string>;
  /** An object goes as JSON with its media type; text and bytes go as they are. */
  readonly body?: object | string | Uint8Array;
  /** Whether the token is shown: yes, unless said otherwise. */
  readonly token?: boolean;
}

export const token = "x".repeat(43);

/** Counters that tell when they have counted something. */
class WatchedCounters extends Counters<typeof counterTable> {
  readonly #watches = new Set<() => void>();

  override add(name: keyof typeof counterTable, amount: number, label?: string): void {
    super.add(name, amount, label);
    for (const watch of this.#watches) watch();
  }

  /** Resolves once `so` holds, looked at whenever something is counted. */
  until(so: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      const watch = () => {
        if (so() && this.#watches.delete(watch)) resolve();
      };
      this.#watches.add(watch);
      watch();
    });
  }
}

/** Serves the API of a fake node until the test ends. */
export async function serve(limits: Partial<ApiLimits> = {}) {
  const node = new FakeNode("/home/somebody/.multifleet");
  const counters = new WatchedCounters(counterTable);
  const logged: { readonly event: string; readonly facts: unknown }[] = [];
  const record = (event: string, facts?: unknown) => void logged.push({ event, facts });
  const log = { info: record, warn: record, error: record };
  const api = await serveApi({ node, counters, port: 0, token, log, limits });
  onTestFinished(() => api.close());
  const { port } = api;
  return {
    api,
    port,
    node,
    counters,
    logged,
    refusals: (code: string) => counters.value("api_refusals_total", code),
    ask: (path: string, options: Ask = {}) => ask(port, path, options),
    /** Sends bytes as they are and gives all that comes back until the connection ends. */
    raw: (text: string | Uint8Array) => raw(port, text),
  };
}

function ask(
  port: number,
  path: string,
  { method, headers, body, token: shown = true }: Ask,
): Promise<Answer> {
  const plain = typeof body === "object" && !(body instanceof Uint8Array);
  const content = plain ? JSON.stringify(body) : body;
  return new Promise((resolve, reject) => {
    const request = httpRequest(
      {
        host: "127.0.0.1",
        port,
        path,
        method: method ?? (body === undefined ? "GET" : "POST"),
        agent: false,
        headers: {
          ...(shown && { authorization: `Bearer ${token}` }),
          ...(content !== undefined && { "content-length": Buffer.byteLength(content) }),
          ...(plain && { "content-type": "application/json" }),
          ...headers,
        },
      },
      (response) => {
        const chunks: Buffer[] = [];
        response.on("data", (chunk: Buffer) => chunks.push(chunk));
        response.on("error", reject);
        response.on("end", () => {
          const text = Buffer.concat(chunks).toString();
          const json =
            text !== "" && response.headers["content-type"]?.includes("json") ? JSON.parse(text) : undefined;
          resolve({ status: response.statusCode ?? 0, headers: response.headers, text, json });
        });
      },
    );
    request.on("error", reject);
    request.end(content);
  });
}

function raw(port: number, text: string | Uint8Array): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    let received = "";
    socket.on("data", (chunk) => (received += chunk.toString()));
    // A reset ends what came as an end does; what came is what the test looks at.
    socket.on("error", (error) => (received += `\n[${error.message}]`));
    socket.on("close", () => resolve(received));
    socket.write(text);
  });
}

/** The example that the project's README sends. */
export const example = {
  type: "context",
  to: "mac2",
  payload: { subject: "deploy", body: "push the landing page" },
} as const;
