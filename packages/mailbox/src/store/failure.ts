import { statfsSync } from "node:fs";
import { constants } from "node:os";
import { MailboxError } from "../errors.js";

const { ENOSPC, EDQUOT, EIO } = constants.errno;
// LMDB's own codes, as lmdb.h has them.
const mapFull = -30792;
const damages = new Set([-30797, -30796, -30794, -30793, -30781]);
// ERROR_DISK_FULL and ERROR_HANDLE_DISK_FULL, which mean other things elsewhere.
const fulls = process.platform === "win32" ? [ENOSPC, EDQUOT, 112, 39] : [ENOSPC, EDQUOT];
/** Room for the pages around a commit's own bytes. */
const margin = 256 * 1024;

/** An error of LMDB or of the file system as one of ours; `size` is what was to be written. */
export function failure(cause: unknown, directory: string, size: number): MailboxError {
  const code = codeOf(cause, directory, size);
  const said = cause instanceof Error ? cause.message : String(cause);
  const what = {
    FULL: "the disk is full",
    CORRUPT: "the store is damaged",
    FAILED: "the store failed",
  }[code];
  return new MailboxError(code, `${what}: ${said} (${directory})`, { cause });
}

function codeOf(cause: unknown, directory: string, size: number): "FULL" | "CORRUPT" | "FAILED" {
  const { code, errno } = cause as { readonly code?: unknown; readonly errno?: unknown };
  const number = typeof code === "number" ? code : typeof errno === "number" ? Math.abs(errno) : 0;
  if (number === mapFull || fulls.includes(number)) return "FULL";
  if (damages.has(number)) return "CORRUPT";
  // A write that the disk took only in part is EIO to LMDB: the disk itself says which of the two it was.
  if (number === EIO && room(directory) < size + margin) return "FULL";
  return "FAILED";
}

function room(directory: string): number {
  try {
    const { bavail, bsize } = statfsSync(directory);
    return bavail * bsize;
  } catch {
    // A file system that does not tell is not known to be full.
    return Number.POSITIVE_INFINITY;
  }
}
