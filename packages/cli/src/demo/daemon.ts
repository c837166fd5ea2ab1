import { spawn, type ChildProcess } from "node:child_process";
import { randomInt } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Failure } from "../failure.js";
import { isAlive, readRunning, type Access } from "../home.js";
import { untilRunning } from "../running.js";
import type { Patience } from "./patience.js";

const startDeadline = 20_000;
const stopDeadline = 5000;

/** One of the demo's nodes: a real daemon in a home of its own. */
export class Daemon {
  readonly name: string;
  readonly home: string;
  readonly #patience: Patience;
  #child: ChildProcess | undefined;
  #gone: Promise<string> = Promise.resolve("");
  #said = "";

  /** @param config What its config.json says */
  constructor(name: string, parent: string, config: object, patience: Patience) {
    this.name = name;
    this.home = join(parent, name);
    this.#patience = patience;
    mkdirSync(this.home, { mode: 0o700 });
    writeFileSync(join(this.home, "config.json"), JSON.stringify({ node: name, port: 0, ...config }), {
      mode: 0o600,
    });
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** Starts the daemon; resolves when its local API listens. @throws Failure with what it said, where it does not start */
  async start(): Promise<void> {
    const {
      MULTIFLEET_HOME,
      MULTIFLEET_JOIN,
      MULTIFLEET_NODE_ID,
      MULTIFLEET_PORT,
      MULTIFLEET_CONFIG,
      NATS_URL,
      ...env
    } = process.env;
    void [MULTIFLEET_HOME, MULTIFLEET_JOIN, MULTIFLEET_NODE_ID, MULTIFLEET_PORT, MULTIFLEET_CONFIG, NATS_URL];
    const keeper = new URL("keeper.js", import.meta.url).href;
    const child = spawn(process.execPath, ["--import", keeper, daemonProgram(), "--home", this.home], {
      env: { ...env, MULTIFLEET_LOG: "error" },
      // A group of its own: Ctrl-C on the terminal ends the demo, and the demo ends its daemons.
      detached: true,
      stdio: ["ignore", "ignore", "pipe", "ipc"],
    });
    this.#child = child;
    this.#said = "";
    child.stderr
      ?.setEncoding("utf8")
      .on("data", (text: string) => (this.#said = (this.#said + text).slice(-4000)));
    this.#gone = new Promise((resolve) => {
      child.once("error", (error) => resolve(error.message));
      child.once("exit", (code, signal) => resolve(signal ?? `exit code ${code}`));
    });
    const ended = this.#gone.then((how) => {
      throw new Failure("demo_failed", `${this.name} did not start (${how}): ${this.#said.trim()}`);
    });
    const running = untilRunning(this.home, ({ pid }) => pid === child.pid);
    try {
      await this.#patience.wait(`${this.name} starts`, startDeadline, Promise.race([running.found, ended]));
    } finally {
      running.stop();
    }
  }

  /** The local API of the running daemon. */
  access(): Access {
    const running = readRunning(this.home);
    if (running === undefined) throw new Failure("demo_failed", `${this.name} does not run`);
    return {
      home: this.home,
      port: running.port,
      token: readFileSync(join(this.home, "api.token"), "utf8").trim(),
    };
  }

  /** Kills the daemon outright: SIGKILL, no good-bye. Resolves when the process is gone. */
  async kill(): Promise<void> {
    this.#send("SIGKILL");
    await this.#gone;
  }

  /** Ends the daemon as a user would, and outright where that takes too long. */
  async stop(): Promise<void> {
    if (!this.#send("SIGTERM")) return;
    const timer = setTimeout(() => this.#send("SIGKILL"), stopDeadline);
    await this.#gone;
    clearTimeout(timer);
  }

  /** Kills without waiting: the last thing that an ending process does. */
  abandon(): void {
    this.#send("SIGKILL");
  }

  /** Whether a daemon runs in this home that was started by someone else. */
  isOccupied(): boolean {
    const running = readRunning(this.home);
    return running !== undefined && running.pid !== this.#child?.pid && isAlive(running.pid);
  }

  /** How the daemon ended, once it has. */
  get gone(): Promise<string> {
    return this.#gone;
  }

  /** Signals the daemon's whole group. False where nothing is left of it. */
  #send(signal: NodeJS.Signals): boolean {
    const child = this.#child;
    if (child?.pid === undefined || child.exitCode !== null || child.signalCode !== null) return false;
    try {
      if (process.platform === "win32") return child.kill(signal);
      return process.kill(-child.pid, signal);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ESRCH") return false;
      throw error;
    }
  }
}

/** The daemon's own program, as its package names it. */
export function daemonProgram(): string {
  const manifest = import.meta.resolve("multifleet-daemon/package.json");
  const { bin } = JSON.parse(readFileSync(fileURLToPath(manifest), "utf8")) as {
    bin: Record<string, string>;
  };
  return fileURLToPath(new URL(bin["multifleet-daemon"] ?? "", manifest));
}

/**
 * A port that is free now, for a daemon that must be found there again after it was killed: below those that systems give to outgoing
 * connections (from 32768 on Linux, from 49152 elsewhere), so that none of them takes it meanwhile.
 */
export async function freePort(tries = 20): Promise<number> {
  const port = randomInt(20_000, 30_000);
  const server = createServer();
  try {
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(port, "127.0.0.1", resolve);
    });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EADDRINUSE" || tries === 1) throw error;
    return freePort(tries - 1);
  }
  await new Promise((resolve) => server.close(resolve));
  return port;
}
