import { randomBytes } from "node:crypto";
import {
  chmodSync,
  closeSync,
  fsyncSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { explain, StartFailure } from "./failure.js";

/*
 * Files that only their owner may read. The mode bits are POSIX; on Windows a home inherits the access list of the user's
 * profile, which keeps other users out, and the checks here do nothing.
 */
const posix = process.platform !== "win32";

/** Makes a directory for its owner alone, or checks that it is one. @throws StartFailure */
export function privateDirectory(path: string): void {
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 });
  } catch (thrown) {
    throw new StartFailure(
      `${path} cannot be made: ${explain(thrown)}. Choose another place with --home or MULTIFLEET_HOME.`,
    );
  }
  checkPrivate(path, "directory");
}

/** @throws StartFailure when someone else may read or write `path`, or it is not what it should be. */
export function checkPrivate(path: string, kind: "directory" | "file"): void {
  const stat = lstatSync(path);
  if (kind === "directory" ? !stat.isDirectory() : !stat.isFile()) {
    throw new StartFailure(`${path} is not a ${kind}. Move it away, or choose another home with --home.`);
  }
  if (!posix) return;
  if (process.getuid !== undefined && stat.uid !== process.getuid()) {
    throw new StartFailure(
      `${path} belongs to user ${stat.uid}, not to you. Run as its owner, or choose another home with --home.`,
    );
  }
  if ((stat.mode & 0o077) !== 0) {
    const mode = (stat.mode & 0o777).toString(8).padStart(4, "0");
    const wanted = kind === "directory" ? "700" : "600";
    throw new StartFailure(
      `${path} is open to others (mode ${mode}). Close it with: chmod ${wanted} ${path}`,
    );
  }
}

/** Reads a private file; undefined when there is none. @throws StartFailure when it is open to others or cannot be read. */
export function readPrivate(path: string): string | undefined {
  try {
    checkPrivate(path, "file");
    return readFileSync(path, "utf8");
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    if (thrown instanceof StartFailure) throw thrown;
    throw new StartFailure(`${path} cannot be read: ${explain(thrown)}`, { cause: thrown });
  }
}

/** Replaces a private file at once and for good: written beside it, flushed, renamed, and the directory flushed. */
export function writePrivate(path: string, text: string): void {
  const beside = join(dirname(path), `.${randomBytes(6).toString("hex")}.tmp`);
  const file = openSync(beside, "wx", 0o600);
  try {
    writeSync(file, text);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  if (posix) chmodSync(beside, 0o600);
  renameSync(beside, path);
  flushDirectory(dirname(path));
}

/** Makes a rename durable. Windows has no such call and needs none: NTFS logs it. */
function flushDirectory(path: string): void {
  if (!posix) return;
  const directory = openSync(path, "r");
  try {
    fsyncSync(directory);
  } finally {
    closeSync(directory);
  }
}

/** Removes a file of ours; there may be none. */
export function removePrivate(path: string): void {
  rmSync(path, { force: true });
}
