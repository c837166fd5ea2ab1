import { readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { quoted } from "./quoted.js";
import { Failure, Misuse } from "./failure.js";

/** What a running daemon writes into its home. */
export interface Running {
  readonly pid: number;
  readonly port: number;
  readonly node: string;
  /** Milliseconds since the epoch, or an RFC 3339 time. */
  readonly started: number | string;
}

/** Where the local API is, and the token that opens it. */
export interface Access {
  readonly home: string;
  readonly port: number;
  readonly token: string;
}

/** The home that is meant: `--home`, `MULTIFLEET_HOME`, or `~/.multifleet`. */
export function homeOf(option: string | undefined, env: NodeJS.ProcessEnv): string {
  const named = option ?? env["MULTIFLEET_HOME"] ?? "";
  return resolve(named === "" ? join(homedir(), ".multifleet") : named);
}

/** The port that is named by `--port` or `MULTIFLEET_PORT`; 0 means any, and names none. */
export function namedPort(option: number | undefined, env: NodeJS.ProcessEnv): number | undefined {
  const text = option ?? env["MULTIFLEET_PORT"] ?? "";
  if (text === "" || text === 0 || text === "0") return undefined;
  const port = Number(text);
  if (Number.isInteger(port) && port > 0 && port < 65_536) return port;
  const said = `"${text}" is not a port: use a number from 1 to 65535`;
  if (option !== undefined) throw new Misuse(said);
  throw new Failure("bad_port", `MULTIFLEET_PORT: ${said}`);
}

/** What the daemon of this home wrote about itself; undefined when there is nothing, or nothing that can be read. */
export function readRunning(home: string): Running | undefined {
  try {
    const value = JSON.parse(readFileSync(join(home, "daemon.json"), "utf8")) as Partial<Running> | null;
    return Number.isInteger(value?.port) && Number.isInteger(value?.pid) ? (value as Running) : undefined;
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === "ENOENT" || code === "ENOTDIR" || error instanceof SyntaxError) return undefined;
    throw new Failure("home_unreadable", `${home} cannot be read: ${(error as Error).message}`, {
      hint: `Look at it with: multifleet doctor --home ${quoted(home)}`,
      cause: error,
    });
  }
}

/**
 * Whether the process still lives. What a killed daemon left behind must not be trusted: its port may be another program's
 * by now, and that one is not to be shown the token.
 */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

/** Finds the running daemon of a home. @throws Failure `not_running`, `no_token` */
export function findDaemon(home: string, port: number | undefined): Access {
  const running = port === undefined ? readRunning(home) : undefined;
  const found = port ?? (running !== undefined && isAlive(running.pid) ? running.port : undefined);
  if (found === undefined) throw notRunning(home);
  try {
    return { home, port: found, token: readFileSync(join(home, "api.token"), "utf8").trim() };
  } catch (error) {
    // A home without a token has never had a daemon.
    if ((error as NodeJS.ErrnoException).code === "ENOENT" && readRunning(home) === undefined)
      throw notRunning(home, error);
    throw new Failure("no_token", `the token of the local API cannot be read: ${(error as Error).message}`, {
      hint: `Is ${home} the right home? Name another with --home.`,
      cause: error,
    });
  }
}

/** The failure of a command that needs a daemon where none answers. */
export function notRunning(home: string, cause?: unknown): Failure {
  const start = home === homeOf(undefined, {}) ? "" : ` --home ${quoted(home)}`;
  return new Failure("not_running", `no daemon is running for ${home}`, {
    hint: `Start one with: npx multifleet-daemon${start}`,
    cause,
  });
}
