import { randomBytes } from "node:crypto";
import { posix } from "node:path";
import type { SFTPWrapper, Stats } from "ssh2";
import type { SendResult } from "@multifleet/core";
import { seedName } from "@multifleet/core/seed";
import { sshError } from "./failure.js";
import type { Passage } from "./link.js";
import { sftpError, whereRefused } from "./sftp-failure.js";
import { called, unlessAborted } from "./until.js";

/** Where a seed directory is in a login directory, where nothing else is said. */
const usualDirectory = ".multifleet/seed";
const rooms = ["", "/tmp", "/new", "/cur"] as const;

/**
 * Stores a frame in the peer's seed directory: when it resolves, the file is whole, in `new` and on the disk there. Written in `tmp`, flushed,
 * renamed, and the directory flushed: whoever looks sees all of it or nothing, also after a power cut.
 */
export async function carrySeed(passage: Passage): Promise<SendResult> {
  const { connection, signal } = passage;
  const sftp = await connection.sftp(signal);
  const { directory, isAnnounced } = directoryOf(passage);
  try {
    const owner = await inspect(sftp, directory, isAnnounced, signal);
    await put(passage, sftp, directory, owner);
    return { ok: true, effect: "stores" };
  } catch (error) {
    if (signal.aborted) throw error;
    passage.count("put_errors");
    throw await unlessAborted(signal, sftpError(error, sftp, directory));
  }
}

function directoryOf({ peer, announced }: Passage): { directory: string; isAnnounced: boolean } {
  const told = peer.seed === undefined ? announced("seed") : undefined;
  // Without a slash at its end: behind one, a link would be followed.
  const directory = posix.normalize(peer.seed ?? told ?? usualDirectory).replace(/(?<=.)\/+$/, "");
  return { directory, isAnnounced: told !== undefined };
}

/**
 * Looks at the rooms, which only their user may look into, before anything is written. The server says what they are now; between this and
 * the writing only that user could put something else there. @returns whose they are
 */
async function inspect(
  sftp: SFTPWrapper,
  directory: string,
  isAnnounced: boolean,
  signal: AbortSignal,
): Promise<number> {
  const looks = rooms.map((room) => called<Stats>((done) => sftp.lstat(directory + room, done)));
  // A daemon announces its directory by its plain name: where that leads through a link, it is another's doing.
  const real = isAnnounced ? called<string>((done) => sftp.realpath(directory, done)) : directory;
  const [name, ...found] = await unlessAborted(signal, Promise.all([real, ...looks]));
  if (name !== directory) throw unsafe(directory, "leads through a symbolic link");
  const owner = found[0]?.uid ?? -1;
  for (const [at, stats] of found.entries()) {
    const place = directory + rooms[at];
    if (stats.isSymbolicLink()) throw unsafe(place, "is a symbolic link");
    if (!stats.isDirectory()) throw unsafe(place, "is no directory");
    if (stats.uid !== owner) throw unsafe(place, "is another user's");
    if ((stats.mode & 0o077) !== 0) throw unsafe(place, "is open to others (chmod 700 there)");
  }
  return owner;
}

async function put(
  { bytes, signal, count }: Passage,
  sftp: SFTPWrapper,
  directory: string,
  owner: number,
): Promise<void> {
  const name = seedName(bytes);
  const draft = `${directory}/tmp/${name}.${randomBytes(8).toString("hex")}`;
  const step = <Value>(start: Parameters<typeof called<Value>>[0], late?: (value: Value) => void) =>
    unlessAborted(signal, called(start), late);
  // What is left in `tmp` the peer's daemon removes after an hour, and a handle ends with its session.
  const removed = () =>
    called<void>((done) => sftp.unlink(draft, done)).catch(() => count("leftover_drafts"));
  const closed = (handle: Buffer) =>
    called<void>((done) => sftp.close(handle, done)).catch((error: unknown) =>
      whereRefused(error, () => count("leftover_handles")),
    );
  const isOpen = (late: Buffer) => void closed(late).then(removed);
  const handle = await step<Buffer>((done) => sftp.open(draft, "wx", 0o600, done), isOpen);
  try {
    try {
      const { uid } = await step<Stats>((done) => sftp.fstat(handle, done));
      // As the superuser one may write into another's rooms, who then could not read it.
      if (uid !== owner) throw unsafe(directory, "is another user's than the one who logs in");
      await step<void>((done) => sftp.write(handle, bytes, 0, bytes.length, 0, done));
      await step<void>((done) => sftp.ext_openssh_fsync(handle, done));
    } finally {
      void closed(handle);
    }
    await step<void>((done) => sftp.ext_openssh_rename(draft, `${directory}/new/${name}`, done));
  } catch (error) {
    try {
      // Before the draft goes: what it takes up may be the reason.
      throw await unlessAborted(signal, sftpError(error, sftp, directory));
    } finally {
      void removed();
    }
  }
  const room = await step<Buffer>(
    (done) => sftp.open(`${directory}/new`, "r", done),
    (late) => void closed(late),
  );
  try {
    await step<void>((done) => sftp.ext_openssh_fsync(room, done));
  } finally {
    void closed(room);
  }
}

function unsafe(place: string, why: string) {
  return sshError("DENIED", `${place} there ${why}: nothing was written`);
}
