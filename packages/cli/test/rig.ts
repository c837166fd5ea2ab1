import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { main } from "../src/main.js";

export const token = "t".repeat(43);

/** What was asked of the API. */
export interface Asked {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage["headers"];
  readonly body: unknown;
}

type Answer = (asked: Asked, response: ServerResponse) => unknown;

/** The local API's side of a conversation: real HTTP, with answers that the test gives. A thrown problem is answered as one. */
export interface Rig extends AsyncDisposable {
  readonly home: string;
  readonly port: number;
  readonly asked: Asked[];
  /** Answers `METHOD /path`, whatever the query, with what the function gives; 204 for undefined. */
  on(route: string, answer: Answer): Rig;
  run(...argv: string[]): Promise<Ran>;
  /** Ends the server as a daemon that was killed; the home stays. */
  stop(): Promise<void>;
}

/** What a command line came to. */
export interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** An error document. */
export function problem(
  status: number,
  code: string,
  detail: string,
): { status: number; code: string; detail: string } {
  return { status, code, detail };
}

export async function makeRig(): Promise<Rig> {
  const home = mkdtempSync(join(tmpdir(), "multifleet-cli-"));
  const answers = new Map<string, Answer>();
  const asked: Asked[] = [];
  const server = createServer((request, response) => void answer(request, response));
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  writeFileSync(join(home, "api.token"), `${token}\n`, { mode: 0o600 });
  writeRunning(home, { pid: process.pid, port, node: "mac1", started: Date.now() });

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
    const text = Buffer.concat(chunks).toString("utf8");
    const { method = "", url = "", headers } = request;
    const one: Asked = {
      method,
      url,
      headers,
      body: text === "" ? undefined : (JSON.parse(text) as unknown),
    };
    asked.push(one);
    const found = answers.get(`${method} ${url.split("?")[0]}`);
    const value =
      found === undefined ? problem(404, "not_found", "There is no such thing") : await found(one, response);
    if (response.headersSent) return;
    const status = (value as { status?: unknown } | undefined)?.status;
    const failed = typeof status === "number";
    response.writeHead(failed ? status : value === undefined ? 204 : 200, {
      "content-type": failed ? "application/problem+json" : "application/json",
    });
    response.end(value === undefined ? undefined : JSON.stringify(value));
  }

  const rig: Rig = {
    home,
    port,
    asked,
    on(route, given) {
      answers.set(route, given);
      return rig;
    },
    run: (...argv) => run(argv, { home }),
    async stop() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
    async [Symbol.asyncDispose]() {
      if (server.listening) await rig.stop();
      rmSync(home, { recursive: true, force: true });
    },
  };
  return rig;
}

export function writeRunning(home: string, running: object): void {
  writeFileSync(join(home, "daemon.json"), JSON.stringify(running), { mode: 0o600 });
}

/** A screen that is a file, or a terminal of 80 columns. */
export function sink(isTTY = false, told?: () => void) {
  const written: string[] = [];
  return {
    isTTY,
    columns: 80,
    write(text: string) {
      written.push(text);
      told?.();
    },
    text: () => written.join(""),
  };
}

/** Runs a command line in this process. */
export async function run(
  argv: readonly string[],
  options: {
    home?: string;
    env?: NodeJS.ProcessEnv;
    stdin?: string | Buffer;
    terminal?: boolean;
    told?: () => void;
  } = {},
): Promise<Ran> {
  const [stdout, stderr] = [sink(options.terminal), sink(options.terminal, options.told)];
  const stdin = Object.assign(Readable.from(options.stdin === undefined ? [] : [options.stdin]), {
    isTTY: options.stdin === undefined,
  });
  const env = { ...(options.home === undefined ? {} : { MULTIFLEET_HOME: options.home }), ...options.env };
  const code = await main(argv, { env, stdin, stdout, stderr });
  return { code, out: stdout.text(), err: stderr.text() };
}

/** A message as the API shows it. */
export function message(more: object = {}): object {
  return {
    id: "01jt9zd7w8k2m4n6p8q0r2s4t6",
    state: "delivered",
    type: "context",
    from: "mac1",
    to: "mac2",
    subject: "deploy",
    created: "2026-01-01T10:00:00.000Z",
    expires: "2026-01-08T10:00:00.000Z",
    settled: "2026-01-01T10:00:01.000Z",
    attempts: [
      { channel: "http", at: 1, ms: 1.23, outcome: "UNREACHABLE", reason: "ECONNREFUSED" },
      { channel: "ipc", at: 2, ms: 4.5, outcome: "delivered" },
    ],
    receipt: { from: "mac2", outcome: "delivered", digest: "ab".repeat(32), sealed: "AAAA" },
    ...more,
  };
}

/** An inbox item as the API shows it. */
export function item(position: number, more: object = {}): Record<string, unknown> {
  return {
    id: `item${position}`,
    state: "delivered",
    position,
    from: "mac2",
    type: "context",
    subject: "results",
    body: "all green",
    session: "claude-2",
    to_session: "claude-1",
    idempotent: false,
    channel: "http",
    created: "2026-01-01T10:00:00.000Z",
    expires: "2026-01-08T10:00:00.000Z",
    received: "2026-01-01T10:00:00.000Z",
    ...more,
  };
}
