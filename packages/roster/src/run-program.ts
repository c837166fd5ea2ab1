import { spawn } from "node:child_process";
import { accessSync, constants, statSync } from "node:fs";
import { constants as os, setPriority } from "node:os";
import { delimiter, isAbsolute, join } from "node:path";

/** The most that is read of what a program says, in bytes. */
const mostOutput = 8_192;

/** Where a program stands on the PATH, in a directory that is named in full. */
export function findProgram(name: string, env: NodeJS.ProcessEnv): string | undefined {
  const endings = process.platform === "win32" ? [".exe"] : [""];
  for (const directory of (env["PATH"] ?? "").split(delimiter).filter(isAbsolute)) {
    const found = endings.map((ending) => join(directory, name + ending)).find(isProgram);
    if (found !== undefined) return found;
  }
  return undefined;
}

/**
 * Runs a program with exactly these arguments, no shell, nothing on its input, at the lowest priority, and ends it after `patience`
 * milliseconds or with `signal`. Gives what it wrote, or undefined when it did not end well.
 */
export function runProgram(
  path: string,
  args: readonly string[],
  { patience, signal }: { readonly patience: number; readonly signal: AbortSignal },
): Promise<string | undefined> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve(undefined);
    const child = spawn(path, args, { stdio: ["ignore", "pipe", "pipe"], windowsHide: true });
    let said = "";
    const kill = () => child.kill("SIGKILL");
    const timer = setTimeout(kill, patience);
    signal.addEventListener("abort", kill);
    const end = (result: string | undefined) => {
      clearTimeout(timer);
      signal.removeEventListener("abort", kill);
      child.stdout.destroy();
      child.stderr.destroy();
      resolve(result);
    };
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (text: string) => {
        said += text.slice(0, mostOutput - said.length);
        if (said.length >= mostOutput) kill();
      });
    }
    child.once("spawn", () => yieldTo(child.pid));
    child.once("error", () => end(undefined));
    // Not `close`: what the program started itself may keep its output open.
    child.once("exit", (code) => setImmediate(() => end(code === 0 ? said : undefined)));
  });
}

/** Tells whether the program takes a back seat: it may have ended already, and not every system has priorities. */
function yieldTo(pid: number | undefined): boolean {
  if (pid === undefined) return false;
  try {
    setPriority(pid, os.priority.PRIORITY_LOW);
    return true;
  } catch {
    return false;
  }
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
