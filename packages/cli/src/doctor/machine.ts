import { existsSync, statSync } from "node:fs";
import { statfs } from "node:fs/promises";
import { dirname } from "node:path";
import { reasonOf } from "../failure.js";
import { bytes } from "../units.js";
import { quoted } from "../quoted.js";
import { findings, type Finding } from "./finding.js";

const least = [20, 20] as const;
const little = 1024 ** 3;
const tooLittle = 100 * 1024 ** 2;

/** Whether this Node is new enough for the daemon. */
export function checkNode(running: string): Finding {
  const { ok, wrong } = findings("node");
  const [major = 0, minor = 0] = running.split(".").map(Number);
  const enough = major > least[0] || (major === least[0] && minor >= least[1]);
  if (enough) return ok(`Node ${running}`);
  return wrong(
    `Node ${running} is too old`,
    `Multi-Fleet needs Node ${least.join(".")} or newer`,
    "npx -y node@24 --version   # then install that version, for instance from nodejs.org",
  );
}

/** Whether the clock can be right: the program's own files cannot come from the future. */
export function checkClock(now: number): Finding {
  const { ok, wrong } = findings("clock");
  const installed = statSync(new URL(import.meta.url)).mtimeMs;
  // A day of grace: some archives carry local times.
  if (now > installed - 86_400_000) return ok(new Date(now).toISOString());
  return wrong(
    `the clock says ${new Date(now).toISOString()}, which is before this program was installed`,
    "messages expire by the clock: with a wrong one they expire at once, or never",
    process.platform === "darwin" ? "sudo sntp -sS time.apple.com" : "sudo timedatectl set-ntp true",
  );
}

/** The home, or where it would be made. */
function nearestDirectory(path: string): string {
  return existsSync(path) || dirname(path) === path ? path : nearestDirectory(dirname(path));
}

/** Whether there is room for the store. */
export async function checkDisk(home: string): Promise<Finding> {
  const { ok, note, wrong } = findings("disk");
  try {
    const { bavail, bsize } = await statfs(nearestDirectory(home));
    const free = bavail * bsize;
    const what = `${bytes(free)} free for the store`;
    if (free >= little) return ok(what);
    const why = "on a full disk no message is accepted and none is taken in";
    return (free < tooLittle ? wrong : note)(what, why, `df -h ${quoted(home)}`);
  } catch (error) {
    return note(`the free space is not known: ${reasonOf(error)}`, "on a full disk no message is accepted");
  }
}
