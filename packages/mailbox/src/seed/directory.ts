import { randomBytes } from "node:crypto";
import { constants, type Dir, type Stats } from "node:fs";
import { lstat, mkdir, open, opendir, realpath, rename, rm, type FileHandle } from "node:fs/promises";
import { join } from "node:path";
import { maxPacketBytes } from "@multifleet/core";
import { DirectoryFlush } from "./flush.js";
import { isSeedName, seedName } from "@multifleet/core/seed";

const rooms = ["tmp", "new", "cur"] as const;
/** How many refused files are kept to be looked at; further ones are removed. */
const maxKept = 100;
/** What a writer left unfinished for so long, in milliseconds, it will not finish. */
const abandoned = 3_600_000;
const readFlags = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);

/** Thrown where a path is no seed directory that this user may trust. */
export class SeedDirectoryError extends Error {
  readonly code: "MISSING" | "UNSAFE";

  constructor(code: "MISSING" | "UNSAFE", message: string) {
    super(message);
    this.code = code;
  }
}

/** What a file in `new` turned out to be. */
export type SeedFile =
  | { readonly name: string; readonly bytes: Uint8Array }
  | { readonly name: string; readonly junk: string };

/**
 * A drop box for frames, with the rooms of a maildir: written in `tmp`, read from `new`, and what was refused lies in `cur`. Writer and
 * reader need not run at the same time. Every file in it is treated as a stranger's.
 */
export class SeedDirectory {
  /** Without symbolic links. */
  readonly path: string;
  readonly #flush: DirectoryFlush;
  #kept: Promise<number> | undefined;

  private constructor(path: string) {
    this.path = path;
    this.#flush = new DirectoryFlush(join(path, "new"));
  }

  /** Makes the directory where there is none, in one that is there, for this user alone. @throws SeedDirectoryError `UNSAFE`, or the file system's errors. */
  static async make(path: string): Promise<SeedDirectory> {
    await makeDirectory(path);
    const real = await realpath(path);
    for (const room of rooms) await makeDirectory(join(real, room));
    return SeedDirectory.find(real);
  }

  /** Finds one that is there: `path` names it without any link. @throws SeedDirectoryError, or the file system's errors. */
  static async find(path: string): Promise<SeedDirectory> {
    if ((await present(realpath(path))) !== path)
      throw new SeedDirectoryError("MISSING", `${path} is no directory by that name`);
    for (const place of [path, ...rooms.map((room) => join(path, room))]) {
      const stats = await present(lstat(place));
      if (stats === undefined) throw new SeedDirectoryError("MISSING", `${place} does not exist`);
      const fault = unsafe(stats);
      if (fault !== undefined) throw new SeedDirectoryError("UNSAFE", `${place} ${fault}`);
    }
    return new SeedDirectory(path);
  }

  /** Stores a frame: when it resolves, the file is in `new` and on the disk. The same bytes again are the same file. */
  async store(bytes: Uint8Array, signal?: AbortSignal): Promise<void> {
    const name = seedName(bytes);
    const draft = join(this.path, "tmp", `${name}.${randomBytes(8).toString("hex")}`);
    try {
      const handle = await open(draft, "wx", 0o600);
      try {
        await handle.writeFile(bytes);
        await handle.sync();
      } finally {
        await handle.close();
      }
      signal?.throwIfAborted();
      await rename(draft, join(this.path, "new", name));
    } catch (error) {
      await rm(draft, { force: true });
      throw error;
    }
    await this.#flush.flush();
  }

  /** The names of what is in `new`, a few at a time, however many there are. */
  names(): Promise<Dir> {
    return opendir(join(this.path, "new"));
  }

  /** Reads a file of `new`; undefined when it is gone. Never more than a frame may be long. */
  async read(name: string): Promise<SeedFile | undefined> {
    if (!isSeedName(name)) return { name, junk: "name" };
    let handle: FileHandle;
    try {
      handle = await open(join(this.path, "new", name), readFlags);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === "ENOENT") return undefined;
      // A symbolic link, a socket, a directory.
      if (code === "ELOOP" || code === "ENXIO" || code === "EISDIR") return { name, junk: code };
      throw error;
    }
    try {
      return await readFrame(name, handle);
    } finally {
      await handle.close();
    }
  }

  /** Removes a file of `new` that is dealt with. */
  async remove(name: string): Promise<void> {
    await rm(join(this.path, "new", name), { force: true, recursive: true });
  }

  /** Lays a refused file aside in `cur`, or removes it where it is none to keep. */
  async setAside(name: string): Promise<void> {
    const from = join(this.path, "new", name);
    const stats = await present(lstat(from));
    if (stats?.isFile() !== true || stats.size > maxPacketBytes || !(await this.#hasRoom()))
      return this.remove(name);
    // A name of our own: one with odd characters is not to lie there either.
    const kept = isSeedName(name) ? name : `${randomBytes(16).toString("hex")}.junk`;
    await present(rename(from, join(this.path, "cur", kept)));
  }

  /** Removes what writers left unfinished long before `now`. */
  async tidy(now: number): Promise<void> {
    for await (const { name } of await opendir(join(this.path, "tmp"))) {
      const stats = await present(lstat(join(this.path, "tmp", name)));
      if (stats !== undefined && stats.mtimeMs < now - abandoned)
        await rm(join(this.path, "tmp", name), { force: true, recursive: true });
    }
  }

  /** Whether one more may lie in `cur`: what is in there was counted once, and then only what is put in. */
  async #hasRoom(): Promise<boolean> {
    this.#kept ??= this.#countKept();
    const kept = await this.#kept;
    if (kept >= maxKept) return false;
    this.#kept = Promise.resolve(kept + 1);
    return true;
  }

  async #countKept(): Promise<number> {
    let count = 0;
    for await (const entry of await opendir(join(this.path, "cur"))) {
      count += entry.isFile() ? 1 : 0;
      if (count >= maxKept) break;
    }
    return count;
  }
}

async function readFrame(name: string, handle: FileHandle): Promise<SeedFile> {
  const stats = await handle.stat();
  if (!stats.isFile()) return { name, junk: "kind" };
  if (stats.size > maxPacketBytes) return { name, junk: "size" };
  // One byte more than the file has: what grows meanwhile is no finished file.
  const bytes = new Uint8Array(stats.size + 1);
  let length = 0;
  for (let read = -1; read !== 0 && length < bytes.length; length += read)
    ({ bytesRead: read } = await handle.read(bytes, length, bytes.length - length, length));
  const frame = bytes.slice(0, length);
  return seedName(frame) === name ? { name, bytes: frame } : { name, junk: "content" };
}

function unsafe(stats: Stats): string | undefined {
  if (!stats.isDirectory()) return "is no directory";
  if (process.platform === "win32") return undefined;
  if (stats.uid !== process.getuid?.()) return "is another user's";
  const mode = stats.mode & 0o777;
  return (mode & 0o077) === 0 ? undefined : `is open to others (mode ${mode.toString(8)}); use: chmod 700`;
}

async function makeDirectory(path: string): Promise<void> {
  try {
    await mkdir(path, { mode: 0o700 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  }
}

/** What a promise of the file system gives, undefined where nothing is there. */
async function present<Value>(found: Promise<Value>): Promise<Value | undefined> {
  try {
    return await found;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}
