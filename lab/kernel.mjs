import { execFileSync } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";

/** Where servers and network tools stand that are not on every user's PATH. */
const systemPath = ["/usr/sbin", "/sbin", "/usr/bin", "/bin"];

/**
 * Where a program stands; undefined where this machine does not have it.
 *
 * @param {string} name
 */
export function findProgram(name) {
  return [...(process.env["PATH"] ?? "").split(delimiter), ...systemPath]
    .map((directory) => join(directory, name))
    .find((path) => {
      try {
        accessSync(path, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
}

/**
 * Runs a program of the system to its end. @throws Error with what it said
 *
 * @param {string} program
 * @param {readonly string[]} args
 */
export function system(program, ...args) {
  return execFileSync(findProgram(program) ?? program, args, { encoding: "utf8", timeout: 10_000 });
}

/** Why no host can be made here; undefined where they can. */
export function obstacle() {
  if (process.platform !== "linux") return "network namespaces are Linux's";
  if (process.getuid?.() !== 0) return "network namespaces are made by root: run it with sudo";
  const missing = ["ip", "unshare", "nft"].filter((name) => findProgram(name) === undefined);
  return missing.length > 0 ? `${missing.join(" and ")} not installed` : undefined;
}
