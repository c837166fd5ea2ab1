import { spawn } from "node:child_process";
import type { Readable, Writable } from "node:stream";
import { createInterface } from "node:readline";

/** Milliseconds that a server has to flush its streams once it was asked to end. */
const farewell = 10_000;

/*
 * Becomes the server, and leaves a watcher beside it that reads from the daemon's end of a pipe: when the daemon is gone, however it
 * went, the pipe ends, and so does the server. The watcher is of the server's process group, so that the group's number, which is the
 * server's, cannot be given to another process while the watcher lives: it can signal no stranger.
 */
const script =
  '(exec 4>&2 2>/dev/null; read -r _ <&3; kill -TERM $$ || exit; sleep 10; kill -KILL $$) & exec "$0" -c "$1" 3<&-';

/** One life of a server, from its start to its end. */
export interface Run {
  readonly pid: number;
  /** Resolves once it takes connections; never where it ends before. */
  readonly ready: Promise<void>;
  /** Resolves with why, once the process is gone. */
  readonly ended: Promise<string>;
  /** Asks it to end, and ends it where it does not. */
  stop(): Promise<void>;
}

/**
 * Starts a server on a configuration file.
 *
 * @param said Gets each line of its log.
 * @throws Error when no process can be made.
 */
export async function run(
  program: string,
  configuration: string,
  said: (line: string) => void,
): Promise<Run> {
  const child = spawn("/bin/sh", ["-c", script, program, configuration], {
    detached: true,
    // Nothing of the daemon's environment: it may hold what is not the server's business.
    env: { PATH: process.env["PATH"], HOME: process.env["HOME"] },
    stdio: ["ignore", "ignore", "pipe", "pipe"],
  });
  await new Promise<void>((started, failed) => {
    child.once("spawn", started);
    child.once("error", failed);
  });
  const { pid = 0 } = child;
  // The type forgets that a fourth pipe leaves the first three as they are.
  const stderr = child.stderr as Readable;
  const lifeline = child.stdio[3] as Writable;
  // It is only held; that its other end goes away first is no news.
  lifeline.on("error", () => undefined);
  let reason = "";
  let open: () => void;
  const ready = new Promise<void>((done) => (open = done));
  createInterface({ input: stderr }).on("line", (line) => {
    said(line);
    if (line.endsWith("[INF] Server is ready")) open();
    reason = faultIn(line) ?? reason;
  });
  // `close`, not `exit`: by then its last line was read, and the watcher is gone.
  const ended = new Promise<string>((done) => {
    child.once("exit", () => lifeline.destroy());
    child.once("close", (code, signal) => done(describeEnd(code, signal, reason)));
  });
  return {
    pid,
    ready,
    ended,
    async stop() {
      sendSignal(pid, "SIGTERM");
      const deadline = setTimeout(() => sendSignal(pid, "SIGKILL"), farewell);
      await ended;
      clearTimeout(deadline);
    },
  };
}

/** Sends a signal to a process of ours, which may be gone. */
export function sendSignal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code !== "ESRCH") throw thrown;
  }
}

/** What went wrong, in a line that says so: `[FTL]`, `[ERR]`, or a word before there was a log. */
function faultIn(line: string): string | undefined {
  return /\[(?:FTL|ERR)\] (.*)$/.exec(line)?.[1] ?? /^(?:nats-server|(?:\/bin\/)?sh): (.*)$/.exec(line)?.[1];
}

function describeEnd(code: number | null, name: NodeJS.Signals | null, reason: string): string {
  const how = name === null ? `ended with exit code ${code}` : `was ended by ${name}`;
  return reason === "" ? how : `${how}: ${reason}`;
}
