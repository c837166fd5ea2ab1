import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createServer, type Server, type Socket } from "node:net";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

/** The stand-in for an agent, in a file that is named like one. */
const agent = fileURLToPath(new URL("claude.mjs", import.meta.url));

/** Panes that are open: a test that runs out of time never gets to close its own. */
const open = new Set<number>();
process.on("exit", () => {
  for (const pid of open) process.kill(-pid, "SIGKILL");
});

/** A real terminal with a shell in it, made by `script`, in which an agent can be started and ended. */
export class Pane implements AsyncDisposable {
  /** What the agent was given, in one string. */
  given = "";
  readonly #child: ChildProcess;
  readonly #server: Server;
  #agent: Socket | undefined;
  /** What the terminal shows. */
  #shown = "";
  #told: (() => void)[] = [];

  private constructor(child: ChildProcess, server: Server) {
    this.#child = child;
    this.#server = server;
    child.stdout?.setEncoding("utf8").on("data", (text: string) => {
      this.#shown += text;
      this.#tell();
    });
    server.on("connection", (socket) => {
      this.#agent = socket;
      socket.on("close", () => {
        this.#agent = undefined;
        this.#tell();
      });
      const lines = createInterface({ input: socket });
      lines.on("error", () => undefined);
      lines.on("line", (line) => {
        this.given += (JSON.parse(line) as { keys?: string }).keys ?? "";
        this.#tell();
      });
    });
  }

  /** @param report Where the agent tells what it is given: a socket's path */
  static async open(report: string): Promise<Pane> {
    const server = createServer();
    server.listen(report);
    await once(server, "listening");
    const child = spawn("script", ["-qfec", "bash --norc --noprofile -i", "/dev/null"], {
      env: { PATH: process.env["PATH"], TERM: "dumb", PS1: "$ ", SUPERSET_TEST_REPORT: report },
      stdio: ["pipe", "pipe", "inherit"],
      detached: true,
    });
    const pid = child.pid ?? 0;
    open.add(pid);
    child.once("exit", () => open.delete(pid));
    const pane = new Pane(child, server);
    await pane.#until(() => pane.#shown.includes("$ "));
    return pane;
  }

  /** What a host that knows no better says of it: the process around the shell. */
  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** Keys, as they come from a keyboard. */
  write(keys: string): void {
    this.#child.stdin?.write(keys);
  }

  /** Starts the agent from the shell, in the foreground. @param settings for its environment, as the shell reads them */
  async startAgent(settings = ""): Promise<void> {
    this.write(`${settings} ${process.execPath} ${agent}\r`);
    await this.#until(() => this.#agent !== undefined);
  }

  /** Ends the agent, and resolves when the shell has the terminal again. */
  async endAgent(): Promise<void> {
    this.#agent?.write("end");
    await this.agentEnded();
  }

  async agentEnded(): Promise<void> {
    await this.#until(() => this.#agent === undefined);
    // What the shell says only once it has the terminal back.
    this.write("echo back: $((6 * 7))\r");
    await this.#until(() => this.#shown.includes("back: 42"));
  }

  /** Resolves once the agent was given all of `keys`. */
  async gave(keys: string): Promise<void> {
    await this.#until(() => this.given.includes(keys));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      const ended = once(this.#child, "exit");
      process.kill(-this.pid, "SIGKILL");
      await ended;
    }
    this.#agent?.destroy();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  async #until(holds: () => boolean): Promise<void> {
    while (!holds()) await new Promise<void>((resolve) => this.#told.push(resolve));
  }

  #tell(): void {
    for (const told of this.#told.splice(0)) told();
  }
}
