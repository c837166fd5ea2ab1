import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";

/**
 * Where a program that a test needs stands, or undefined where this machine does not have it: the test is then skipped,
 * by name, as in `test.skipIf(chromium === undefined)("...")`.
 *
 * Throws where MULTIFLEET_REQUIRE (names with commas between them) says that it must be there, so that a build that
 * counts never passes by skipping.
 */
export function findProgram(name: string): string | undefined {
  const extension = process.platform === "win32" ? ".exe" : "";
  const found = [...(process.env["PATH"] ?? "").split(delimiter), ...servers]
    .map((directory) => join(directory, name + extension))
    .find(isExecutable);
  const required = (process.env["MULTIFLEET_REQUIRE"] ?? "").split(",");
  if (found === undefined && required.includes(name))
    throw new Error(`MULTIFLEET_REQUIRE names ${name}, and it is not installed.`);
  return found;
}

/** Where servers are installed, and where an ordinary user's PATH does not lead. */
const servers = process.platform === "win32" ? [] : ["/usr/local/sbin", "/usr/sbin", "/sbin"];

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
