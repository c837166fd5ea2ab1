import {
  closeSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  statSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { failure } from "./failure.js";
import { dataFile, lockFile } from "./lmdb.js";

/** LMDB's table of readers, written out: a page of it that the disk has no room for would be a SIGBUS. */
const lockBytes = 16 * 1024;
/** What a new store writes before it can report an error: on a full disk LMDB would crash there. */
const firstBytes = 256 * 1024;

/** Makes a directory ready for a store that only its user may read. @throws MailboxError `FULL`, `FAILED`. */
export function prepareDirectory(directory: string): void {
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    const data = join(directory, dataFile);
    const isNew = (statSync(data, { throwIfNoEntry: false })?.size ?? 0) === 0;
    if (isNew) withFile(directory, firstBytes, () => closeSync(openSync(data, "a", 0o600)));
    const lock = join(directory, lockFile);
    // A link, and not a rename: another process may have made the file meanwhile and be using it.
    if (statSync(lock, { throwIfNoEntry: false }) === undefined)
      withFile(directory, lockBytes, (zeros) => linkUnlessThere(zeros, lock));
  } catch (error) {
    throw failure(error, directory, firstBytes);
  }
}

/** Runs `action` while a file of zeros, of this size and on the disk, is there. */
function withFile(directory: string, size: number, action: (file: string) => void): void {
  const file = join(directory, `.${randomBytes(8).toString("hex")}.new`);
  const fd = openSync(file, "wx", 0o600);
  try {
    try {
      writeFileSync(fd, Buffer.alloc(size));
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    action(file);
  } finally {
    unlinkSync(file);
  }
}

function linkUnlessThere(from: string, to: string): void {
  try {
    linkSync(from, to);
  } catch (error) {
    // Where there are no links LMDB makes the file itself.
    if (!["EEXIST", "EPERM", "ENOTSUP"].includes((error as NodeJS.ErrnoException).code ?? "")) throw error;
  }
}
