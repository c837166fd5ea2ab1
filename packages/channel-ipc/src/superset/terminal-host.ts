import { randomUUID } from "node:crypto";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { codeOf } from "../failure.js";
import { failed, printable } from "./failure.js";
import { isId, isRecord, maxPanes, pidOf, type Host, type HostPlace, type Pane } from "./host.js";
import { hasOwnSocket, readPrivate } from "./private-file.js";
import { enter, pasteEnd, pasteStart } from "./text.js";

const protocolVersion = 2;
/** The longest line that is read. */
const maxLine = 4 * 1_024 * 1_024;

type Payload = Readonly<Record<string, unknown>>;

/** The terminal-host of version 1: JSON lines over a socket beside its token. Undefined where there is none. */
export async function findTerminalHost(directory: string): Promise<HostPlace | undefined> {
  const path = join(directory, "terminal-host.sock");
  if (!(await hasOwnSocket(path))) return undefined;
  return {
    name: "v1",
    connect: (signal) => TerminalHost.connect(path, join(directory, "terminal-host.token"), signal),
  };
}

class TerminalHost implements Host {
  readonly #socket: Socket;
  readonly #waiting = new Map<string, { done(payload: Payload): void; fail(error: Error): void }>();
  /** The line that has begun and not ended, and how much of it there is. */
  readonly #partial: string[] = [];
  #held = 0;
  #number = 0;
  #error: Error | undefined;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.setEncoding("utf8");
    socket.on("data", (text: string) => this.#take(text));
    socket.on("error", (error) =>
      this.#end(failed("UNREACHABLE", `the terminal-host broke off: ${codeOf(error)}`, error)),
    );
    socket.on("close", () => this.#end(failed("CLOSED", "the terminal-host closed the connection")));
  }

  static async connect(path: string, tokenPath: string, signal: AbortSignal): Promise<Host> {
    const token = (await readPrivate(tokenPath))?.trim();
    if (token === undefined || token === "") throw failed("DENIED", `${tokenPath} holds no token`);
    signal.throwIfAborted();
    const host = new TerminalHost(connect({ path, signal }));
    try {
      // A client of the same name would be put out: ours is nobody else's.
      const clientId = `multi-fleet-${randomUUID()}`;
      await host.#ask("hello", { token, protocolVersion, clientId, role: "control" });
      return host;
    } catch (error) {
      await host[Symbol.asyncDispose]();
      throw error;
    }
  }

  async panes(): Promise<readonly Pane[]> {
    const { sessions } = await this.#ask("listSessions");
    if (!Array.isArray(sessions)) throw failed("INTERNAL", "the terminal-host lists no sessions");
    return sessions.slice(0, maxPanes).flatMap((session: unknown) => {
      if (!isRecord(session) || !isId(session["sessionId"]) || session["isAlive"] !== true) return [];
      const workspace = isId(session["workspaceId"]) ? session["workspaceId"] : "";
      return [{ id: session["sessionId"], workspace, pid: pidOf(session["pid"]), title: "" }];
    });
  }

  async paste(pane: Pane, text: string): Promise<void> {
    await this.#write(pane, `${pasteStart}${text}${pasteEnd}`);
  }

  async submit(pane: Pane): Promise<void> {
    await this.#write(pane, enter);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#socket.closed) return;
    await new Promise<void>((resolve) => {
      this.#socket.once("close", () => resolve());
      this.#socket.destroy();
    });
  }

  async #write({ id }: Pane, data: string): Promise<void> {
    const { success } = await this.#ask("write", { sessionId: id, data });
    if (success !== true) throw failed("INTERNAL", "the terminal-host did not write");
  }

  #ask(type: string, payload?: Payload): Promise<Payload> {
    return new Promise((done, fail) => {
      if (this.#error !== undefined) return fail(this.#error);
      const id = String(++this.#number);
      this.#waiting.set(id, { done, fail });
      this.#socket.write(`${JSON.stringify({ id, type, ...(payload === undefined ? {} : { payload }) })}\n`);
    });
  }

  #take(text: string): void {
    const [first = "", ...others] = text.split("\n");
    this.#partial.push(first);
    this.#held += first.length;
    if (this.#held > maxLine) return this.#break("it sends a line without end");
    for (const next of others) {
      this.#takeLine(this.#partial.splice(0).join(""));
      this.#partial.push(next);
      this.#held = next.length;
    }
  }

  #takeLine(line: string): void {
    let said: unknown;
    try {
      said = JSON.parse(line);
    } catch (error) {
      return this.#break("what it sends is no JSON", error);
    }
    // Events have no id, and are of no use here.
    const waiting =
      isRecord(said) && typeof said["id"] === "string" ? this.#waiting.get(said["id"]) : undefined;
    if (!isRecord(said) || waiting === undefined) return;
    this.#waiting.delete(said["id"] as string);
    if (said["ok"] === true) return waiting.done(isRecord(said["payload"]) ? said["payload"] : {});
    const { code, message } = isRecord(said["error"]) ? said["error"] : {};
    const denied = code === "AUTH_FAILED" || code === "PROTOCOL_MISMATCH" || code === "NOT_AUTHENTICATED";
    waiting.fail(
      failed(
        denied ? "DENIED" : "INTERNAL",
        `the terminal-host said ${printable(code)}: ${printable(message)}`,
      ),
    );
  }

  #break(why: string, cause?: unknown): void {
    this.#end(failed("INTERNAL", `the terminal-host is not understood: ${why}`, cause));
    this.#socket.destroy();
  }

  #end(error: Error): void {
    this.#error ??= error;
    for (const { fail } of this.#waiting.values()) fail(this.#error);
    this.#waiting.clear();
  }
}
