import { once } from "node:events";
import { mkdirSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import type { Pane } from "./pane.js";

/** Stands in for Superset's host service of version 2: its manifest, its tRPC over HTTP, and real terminals behind them. */
export class StandInHostService implements AsyncDisposable {
  readonly token = "a-token-of-the-host-service";
  readonly manifest: string;
  /** What it was asked, in order. */
  readonly asked: string[] = [];
  readonly #panes: ReadonlyMap<string, Pick<Pane, "pid" | "write">>;
  readonly #server: Server;

  private constructor(manifest: string, panes: ReadonlyMap<string, Pick<Pane, "pid" | "write">>) {
    this.manifest = manifest;
    this.#panes = panes;
    this.#server = createServer((request, response) => void this.#serve(request, response));
  }

  static async start(
    directory: string,
    panes: Readonly<Record<string, Pick<Pane, "pid" | "write">>>,
  ): Promise<StandInHostService> {
    const place = join(directory, "host", "org-1");
    mkdirSync(place, { recursive: true, mode: 0o700 });
    const service = new StandInHostService(join(place, "manifest.json"), new Map(Object.entries(panes)));
    service.#server.listen(0, "127.0.0.1");
    await once(service.#server, "listening");
    service.announce({});
    return service;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Writes its manifest, with some of it changed. */
  announce(change: object): void {
    const endpoint = `http://127.0.0.1:${this.port}`;
    const said = { pid: process.pid, endpoint, authToken: this.token, startedAt: 0, organizationId: "org-1" };
    writeFileSync(this.manifest, JSON.stringify({ ...said, ...change }), { mode: 0o600 });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? "/", "http://localhost");
    const procedure = url.pathname.replace(/^\/trpc\//, "");
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part as Buffer);
    const text = request.method === "GET" ? url.searchParams.get("input") : Buffer.concat(parts).toString();
    const input = text ? (JSON.parse(text) as { json: Record<string, string> }).json : {};
    this.asked.push(`${request.method} ${procedure} ${JSON.stringify(input)}`);
    const say = (status: number, body: object) => {
      response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
    };
    const done = (json: unknown) => say(200, { result: { data: { json } } });
    const fail = (status: number, message: string) =>
      say(status, { error: { json: { message, code: -32001 } } });
    if (request.headers.authorization !== `Bearer ${this.token}`) return fail(401, "UNAUTHORIZED");
    if (procedure === "terminal.list" && request.method === "GET") {
      const sessions = [...this.#panes.keys()].map((terminalId) => ({
        ...{ terminalId, workspaceId: "ws-1", createdAt: 0, exited: false, exitCode: 0 },
        ...{ attached: true, title: "main\u001b[31m" },
      }));
      return done({ sessions });
    }
    if (procedure === "terminal.daemon.listSessions" && request.method === "GET") {
      const held = [...this.#panes].map(([id, { pid }]) => ({ id, pid, cols: 80, rows: 24, alive: true }));
      return done(held);
    }
    const pane = this.#panes.get(input["terminalId"] ?? "");
    if (pane === undefined || input["workspaceId"] !== "ws-1" || request.method !== "POST")
      return fail(404, "Terminal session not found");
    if (procedure === "terminal.send") {
      pane.write(`\u001b[200~${input["text"]}\u001b[201~${String(input["submit"]) === "false" ? "" : "\r"}`);
      return done({ terminalId: input["terminalId"], submitted: false });
    }
    if (procedure === "terminal.writeInput") {
      pane.write(input["data"] ?? "");
      return done({ success: true });
    }
    return fail(404, `No procedure found on path "${procedure}"`);
  }
}
