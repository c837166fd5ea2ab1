import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { failed } from "./failure.js";

/** A process as `ps` shows it. */
interface Process {
  readonly pid: number;
  readonly parent: number;
  readonly group: number;
  /** The process group in the foreground of its terminal; -1 or 0 where it has none. */
  readonly foreground: number;
  readonly terminal: string;
  readonly command: string;
}

/** Programs that run others; what counts is what they run. */
const interpreters: ReadonlySet<string> = new Set(["node", "nodejs", "bun", "deno"]);
/** Options of theirs that are words of their own: behind any other, the next word may be a value. */
const plainOptions = /^--(?:[\w-]+=\S*|no-warnings|no-deprecation|enable-source-maps|expose-gc|run)$/;
/** Packages whose script is not named as their command is. */
const packages: readonly (readonly [part: string, program: string])[] = [
  ["/node_modules/@anthropic-ai/claude-code/", "claude"],
  ["/node_modules/@openai/codex/", "codex"],
  ["/node_modules/@google/gemini-cli/", "gemini"],
  ["/node_modules/@github/copilot/", "copilot"],
];

/** Every process of this machine, at this moment. @throws ChannelError `INTERNAL` */
export async function listProcesses(signal: AbortSignal): Promise<readonly Process[]> {
  const columns = ["pid=", "ppid=", "pgid=", "tpgid=", "tty=", "args="].flatMap((column) => ["-o", column]);
  try {
    const { stdout } = await promisify(execFile)("ps", ["-A", "-ww", ...columns], {
      env: { PATH: process.env["PATH"], LC_ALL: "C" },
      maxBuffer: 32 * 1_024 * 1_024,
      timeout: 5_000,
      signal,
    });
    return stdout.split("\n").flatMap(parseLine);
  } catch (error) {
    if (signal.aborted) throw failed("ABORTED", "the attempt was aborted", error);
    throw failed("INTERNAL", `ps does not tell what runs in terminals: ${String(error)}`, error);
  }
}

/**
 * The program that has the terminal of process `pid`, by its name: what is typed there goes to it. The terminal is that of the process itself, or of
 * what it started. Undefined when that cannot be told for certain.
 */
export function foregroundProgram(processes: readonly Process[], pid: number): string | undefined {
  const owner = ownerOf(processes, pid);
  if (owner === undefined) return undefined;
  // Its leader: of `claude | tee log` who reads the keys cannot be told, but it is not a shell that would run them.
  const leader = processes.find(
    (each) =>
      each.pid === owner.foreground && each.group === owner.foreground && each.terminal === owner.terminal,
  );
  return leader === undefined ? undefined : programOf(leader.command);
}

/** The name of the program that a command line runs; of a script, that of the script. Undefined when it cannot be told for certain. */
export function programOf(command: string): string | undefined {
  const [first = "", ...others] = command.trim().split(/\s+/);
  const name = baseName(first);
  if (!interpreters.has(name)) return name === "" ? undefined : name;
  const script = others.find((word) => !plainOptions.test(word));
  if (script === undefined || script.startsWith("-")) return undefined;
  return packages.find(([part]) => script.includes(part))?.[1] ?? baseName(script);
}

/** The first with a terminal, of a process and those that it started, those nearest to it before the others. */
function ownerOf(processes: readonly Process[], pid: number): Process | undefined {
  const seen = new Set<number>();
  let level = processes.filter((each) => each.pid === pid);
  while (level.length > 0) {
    const owners = level.filter(({ foreground }) => foreground > 0);
    const [owner] = owners;
    if (owner !== undefined)
      return owners.every(({ terminal }) => terminal === owner.terminal) ? owner : undefined;
    for (const each of level) seen.add(each.pid);
    const parents = new Set(level.map((each) => each.pid));
    level = processes.filter((each) => parents.has(each.parent) && !seen.has(each.pid));
  }
  return undefined;
}

function baseName(path: string): string {
  const name = path.slice(path.lastIndexOf("/") + 1);
  // A login shell has a hyphen before its name.
  return name.replace(/^-/, "").replace(/\.(?:[cm]?[jt]s|exe)$/, "");
}

function parseLine(line: string): Process[] {
  const parts = /^\s*(\d+)\s+(\d+)\s+(\d+)\s+(-?\d+)\s+(\S+)\s+(.*)$/.exec(line);
  if (parts === null) return [];
  const [, pid, parent, group, foreground, terminal = "", command = ""] = parts;
  return [
    {
      ...{ pid: Number(pid), parent: Number(parent), group: Number(group), foreground: Number(foreground) },
      terminal,
      command,
    },
  ];
}
