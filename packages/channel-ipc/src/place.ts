import { createHash } from "node:crypto";
import { lstat, mkdir, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { ChannelError, type NodeId } from "@multifleet/core";
import { codeOf } from "./failure.js";

/** Whether sockets are named pipes here, which are no files: nothing is stale, and there is no directory to guard. */
export const hasPipes = process.platform === "win32";

/** The longest path of a socket, in bytes: `sun_path` has 108 on Linux and 104 on macOS and the BSDs, one of them for the end. */
const maxPathBytes = process.platform === "linux" ? 107 : 103;

/** Where a node's socket goes, and makes sure that nobody else could have put one there. @throws ChannelError `MISCONFIGURED` */
export async function placeFor(path: string | undefined, node: NodeId): Promise<string> {
  if (hasPipes) return String.raw`\\.\pipe\multifleet-${digest(path ?? `node:${node}`)}`;
  if (path !== undefined && Buffer.byteLength(path) <= maxPathBytes) {
    await checkDirectory(dirname(path), false);
    return path;
  }
  const directory = join(tmpdir(), `multifleet-${process.getuid?.()}`);
  const short = join(directory, `${digest(path ?? `node:${node}`)}.sock`);
  if (Buffer.byteLength(short) > maxPathBytes)
    throw misplaced(`${short} is longer than ${maxPathBytes} bytes: set a shorter "path", or TMPDIR`);
  await mkdir(directory, { mode: 0o700 }).catch((error: unknown) => {
    if (codeOf(error) !== "EEXIST") throw misplaced(`cannot make ${directory}: ${String(error)}`, error);
  });
  await checkDirectory(directory, true);
  return short;
}

/** Whether a path leads to a socket of this user: a peer may tell any path, and nothing is sent to programs of others. */
export async function isOwnSocket(path: string): Promise<boolean> {
  if (hasPipes) return true;
  // A longer one would be cut off, and lead elsewhere.
  if (Buffer.byteLength(path) > maxPathBytes) return false;
  const found = await stat(path);
  return found.isSocket() && found.uid === process.getuid?.();
}

/** @param isPrivate whether others may not even look into it */
async function checkDirectory(directory: string, isPrivate: boolean): Promise<void> {
  const found = await (isPrivate ? lstat(directory) : stat(directory)).catch((error: unknown) => {
    throw misplaced(`cannot put a socket into ${directory}: ${String(error)}`, error);
  });
  if (!found.isDirectory()) throw misplaced(`${directory} is no directory`);
  if (found.uid !== process.getuid?.() && (isPrivate || found.uid !== 0))
    throw misplaced(`${directory} belongs to another user`);
  if ((found.mode & (isPrivate ? 0o077 : 0o022)) !== 0) {
    const remedy = `chmod ${isPrivate ? "700" : "go-w"} '${directory}'`;
    throw misplaced(`others can write to ${directory}, and could put their own socket there: run ${remedy}`);
  }
}

function misplaced(message: string, cause?: unknown): ChannelError {
  return new ChannelError("MISCONFIGURED", `ipc: ${message}`, cause === undefined ? {} : { cause });
}

function digest(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, 24);
}
