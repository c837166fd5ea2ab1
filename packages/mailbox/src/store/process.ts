import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";

/**
 * Which process has this number, as a text that a later process with the same number does not share; undefined when there is none.
 *
 * Linux: the boot and the start time in clock ticks (proc(5), field 22 of `stat`). macOS and other POSIX systems: the start time as `ps`
 * prints it, to the second. Windows does not tell without a slow query, so that there a number in use always counts as the same process.
 */
export function processMark(pid: number): string | undefined {
  if (!lives(pid)) return undefined;
  if (process.platform === "linux") return linuxMark(pid);
  if (process.platform === "win32") return "alive";
  const { stdout, status } = spawnSync("ps", ["-o", "lstart=", "-p", String(pid)], {
    encoding: "utf8",
    env: { ...process.env, LC_ALL: "C", TZ: "UTC" },
    timeout: 5_000,
  });
  return status === 0 && stdout.trim() !== "" ? stdout.trim() : undefined;
}

function linuxMark(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    // The second field is the program's name in brackets, and may hold anything; the third is the state.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    const boot = readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
    // A zombie holds nothing any more.
    return fields[0] === "Z" ? undefined : `${boot} ${fields[19]}`;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

function lives(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM: it lives, as another user.
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
