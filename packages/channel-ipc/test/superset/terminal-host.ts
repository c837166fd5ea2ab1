import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { chmodSync, writeFileSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Pane } from "./pane.js";

type Request = { readonly id: string; readonly type: string; readonly payload?: Record<string, unknown> };

/** Stands in for Superset's terminal-host of version 1: the same files, the same lines, and real terminals behind them. */
export class StandInTerminalHost implements AsyncDisposable {
  readonly token = randomBytes(32).toString("hex");
  /** What was written to terminals, in order. */
  readonly written: string[] = [];
  readonly sockets = new Set<Socket>();
  /** What it says in place of an answer. */
  instead: ((request: Request) => string | undefined) | undefined;
  readonly #panes: ReadonlyMap<string, Pick<Pane, "pid" | "write">>;
  readonly #server: Server;
  #idle: () => void = () => undefined;

  private constructor(panes: ReadonlyMap<string, Pick<Pane, "pid" | "write">>) {
    this.#panes = panes;
    this.#server = createServer((socket) => this.#serve(socket));
  }

  static async start(
    directory: string,
    panes: Readonly<Record<string, Pick<Pane, "pid" | "write">>>,
  ): Promise<StandInTerminalHost> {
    const host = new StandInTerminalHost(new Map(Object.entries(panes)));
    host.#server.listen(join(directory, "terminal-host.sock"));
    await once(host.#server, "listening");
    chmodSync(join(directory, "terminal-host.sock"), 0o600);
    writeFileSync(join(directory, "terminal-host.token"), host.token, { mode: 0o600 });
    return host;
  }

  /** Resolves once nobody is connected. */
  async idle(): Promise<void> {
    if (this.sockets.size > 0) await new Promise<void>((resolve) => (this.#idle = resolve));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  #serve(socket: Socket): void {
    this.sockets.add(socket);
    socket.on("close", () => {
      this.sockets.delete(socket);
      if (this.sockets.size === 0) this.#idle();
    });
    socket.on("error", () => undefined);
    let known = false;
    const lines = createInterface({ input: socket });
    lines.on("error", () => undefined);
    lines.on("line", (line) => {
      const request = JSON.parse(line) as Request;
      const { id, type, payload = {} } = request;
      const instead = this.instead?.(request);
      const say = (answer: object) => socket.write(`${JSON.stringify({ id, ...answer })}\n`);
      const fail = (code: string, message: string) => say({ ok: false, error: { code, message } });
      if (instead !== undefined) return socket.write(instead);
      if (type === "hello") {
        if (payload["protocolVersion"] !== 2) return fail("PROTOCOL_MISMATCH", "2 is spoken here");
        if (payload["role"] !== "control" || typeof payload["clientId"] !== "string")
          return fail("INVALID_HELLO", "no role or no name");
        if (payload["token"] !== this.token) return fail("AUTH_FAILED", "Invalid auth token");
        known = true;
        return say({
          ok: true,
          payload: { protocolVersion: 2, daemonVersion: "1.0.0", daemonPid: process.pid },
        });
      }
      if (!known) return fail("NOT_AUTHENTICATED", "say hello first");
      if (type === "listSessions") {
        // An event in between, as the real one may send at any time.
        socket.write(
          `${JSON.stringify({ type: "event", event: "data", sessionId: "pane-1", payload: {} })}\n`,
        );
        const sessions = [...this.#panes].map(([sessionId, { pid }]) => ({
          ...{ sessionId, workspaceId: "home", paneId: sessionId, isAlive: true, attachedClients: 1, pid },
          ...{ createdAt: "2026-11-22T12:00:00.000Z", shell: "/bin/bash" },
        }));
        return say({ ok: true, payload: { sessions } });
      }
      const pane = this.#panes.get(String(payload["sessionId"]));
      if (type !== "write" || pane === undefined) return fail("WRITE_FAILED", "Session not found");
      const data = String(payload["data"]);
      this.written.push(data);
      pane.write(data);
      return say({ ok: true, payload: { success: true } });
    });
  }
}
