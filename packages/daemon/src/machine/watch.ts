import { spawn, type ChildProcessByStdio } from "node:child_process";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";

/** What a machine can tell of itself: it woke up, or its network changed. */
export type MachineEvent = "network" | "wake";

/** A program that stays and prints a line for each change. */
interface Watcher {
  readonly event: MachineEvent;
  readonly command: readonly [program: string, ...args: string[]];
  /** Whether a line tells of the event. */
  readonly tells: (line: string) => boolean;
}

/** Part of each of these systems; none is required. Windows has none that prints as it happens. */
const watchers: Readonly<Partial<Record<NodeJS.Platform, readonly Watcher[]>>> = {
  linux: [
    { event: "network", command: ["ip", "-o", "monitor", "link", "address"], tells: () => true },
    {
      event: "wake",
      command: [
        "gdbus",
        "monitor",
        "--system",
        "-d",
        "org.freedesktop.login1",
        "-o",
        "/org/freedesktop/login1",
      ],
      tells: (line) => /PrepareForSleep \(false,?\)/.test(line),
    },
  ],
  // A Mac that wakes brings its interfaces up anew, so this tells of that too.
  darwin: [
    {
      event: "network",
      command: ["/sbin/route", "-n", "monitor"],
      tells: (line) => /^RTM_(IFINFO|NEWADDR|DELADDR)/.test(line),
    },
  ],
};

/** One change makes many lines: they are told as one, so long after the first, in milliseconds. */
const settling = 250;

/**
 * Tells of the machine's own changes as they happen, by the programs that the system has for that.
 *
 * @param changed Called for each change, never before this function has returned.
 * @param without Called for a program that is not there, does not work here or has ended: its events are not told any more.
 * @returns What ends it.
 */
export function watchMachine(
  changed: (event: MachineEvent) => void,
  without: (program: string) => void,
  platform: NodeJS.Platform = process.platform,
): () => void {
  const stops = (watchers[platform] ?? []).map((watcher) => watch(watcher, changed, without));
  return () => {
    for (const stop of stops) stop();
  };
}

function watch(
  { event, command: [program, ...args], tells }: Watcher,
  changed: (event: MachineEvent) => void,
  without: (program: string) => void,
): () => void {
  let timer: NodeJS.Timeout | undefined;
  let over = false;
  let child: ChildProcessByStdio<null, Readable, null>;
  const end = () => {
    over = true;
    clearTimeout(timer);
  };
  const ended = () => {
    if (over) return;
    end();
    without(program);
  };
  const start = (command: string, given: readonly string[], absent: () => void) => {
    const started = spawn(command, given, { stdio: ["ignore", "pipe", "ignore"] });
    child = started;
    started.on("error", absent);
    started.on("exit", ended);
    // It is never waited for.
    started.unref();
    createInterface({ input: started.stdout }).on("line", (line) => {
      if (over || timer !== undefined || !tells(line)) return;
      timer = setTimeout(() => {
        timer = undefined;
        changed(event);
      }, settling);
    });
  };
  // A daemon that is killed ends nothing: the kernel then does, where this program of util-linux asks it to.
  start("setpriv", ["--pdeathsig", "KILL", program, ...args], () => {
    if (!over) start(program, args, ended);
  });
  return () => {
    end();
    child.stdout.destroy();
    child.kill("SIGKILL");
  };
}
