import { randomBytes } from "node:crypto";
import * as fs from "node:fs";
import { mkdir, readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { NodeId, PacketId } from "@multifleet/core";
import { channelError, codeOf } from "./failure.js";

/** Says that a directory was made by this channel, and may be emptied by it. */
const mark = "multifleet";

/** A frame on its way, encrypted. */
export interface Covered {
  readonly id: PacketId;
  readonly to: NodeId;
  readonly bytes: Uint8Array;
}

/** A new commit, and the names of all that is new with it. */
export interface Made {
  readonly commit: string;
  readonly objects: readonly string[];
}

/**
 * A bare repository of our own, in which packets become objects and packs. Nobody's tree, index, branch or identity is touched, and nothing is
 * kept in it: the outbox has the packets.
 */
export class Spool {
  readonly directory: string;
  readonly #node: NodeId;
  readonly #git: typeof import("isomorphic-git");

  private constructor(directory: string, node: NodeId, git: typeof import("isomorphic-git")) {
    this.directory = directory;
    this.#node = node;
    this.#git = git;
  }

  /** Makes the repository where there is none. @throws ChannelError `MISCONFIGURED` where something else is. */
  static async open(directory: string, node: NodeId): Promise<Spool> {
    await mkdir(directory, { recursive: true, mode: 0o700 });
    const names = await readdir(directory);
    if (names.length > 0 && !names.includes(mark))
      throw channelError(
        "MISCONFIGURED",
        `directory ${directory} holds something else: name one that is empty`,
      );
    await writeFile(join(directory, mark), "Packets on their way to a git remote. Nothing here is kept.\n");
    // Loaded here: a daemon without this channel does not pay for it.
    const loaded = await import("isomorphic-git");
    const git = "default" in loaded ? (loaded.default as typeof loaded) : loaded;
    await git.init({ fs, gitdir: directory, bare: true });
    const spool = new Spool(directory, node, git);
    await spool.#tidy();
    return spool;
  }

  /** Makes a commit that holds frames to one node, on top of `parent` where there is one. */
  async commit(frames: readonly Covered[], parent: string | undefined): Promise<Made> {
    const at = { fs, gitdir: this.directory };
    const blobs = new Map<PacketId, string>();
    for (const { id, bytes } of frames) blobs.set(id, await this.#git.writeBlob({ ...at, blob: bytes }));
    const entries = [...blobs].map(([path, oid]) => ({ mode: "100644", path, oid, type: "blob" as const }));
    const tree = await this.#git.writeTree({ ...at, tree: entries });
    const who = {
      name: "multifleet",
      email: `${this.#node}@multifleet.invalid`,
      timestamp: Math.floor(Date.now() / 1_000),
      timezoneOffset: 0,
    };
    // Without the nonce two commits of one second could be the same, and one would stand for both.
    const message = `multifleet\n\nnode: ${this.#node}\nnonce: ${randomBytes(16).toString("hex")}\n`;
    const commit = await this.#git.writeCommit({
      ...at,
      commit: { message, tree, parent: parent === undefined ? [] : [parent], author: who, committer: who },
    });
    return { commit, objects: [commit, tree, ...blobs.values()] };
  }

  async pack(made: readonly Made[]): Promise<Uint8Array> {
    const oids = [...new Set(made.flatMap(({ objects }) => objects))];
    const { packfile } = await this.#git.packObjects({ fs, gitdir: this.directory, oids });
    if (packfile === undefined) throw channelError("INTERNAL", "no pack was made");
    return packfile;
  }

  /** Removes what was pushed, or will not be. */
  async forget(made: readonly Made[]): Promise<void> {
    const oids = new Set(made.flatMap(({ objects }) => objects));
    await Promise.all([...oids].map((oid) => rm(this.#place(oid), { force: true })));
  }

  #place(oid: string): string {
    return join(this.directory, "objects", oid.slice(0, 2), oid.slice(2));
  }

  /** Removes what an earlier run left behind when it was killed. */
  async #tidy(): Promise<void> {
    const objects = join(this.directory, "objects");
    const left = (await readdir(objects)).filter((name) => /^[0-9a-f]{2}$/.test(name));
    await Promise.all(left.map((name) => rm(join(objects, name), { recursive: true, force: true })));
  }
}

/** What the file system says of a spool that cannot be had. */
export function failureToSpool(error: unknown, directory: string): Error {
  const code = codeOf(error);
  const message = `directory ${directory}: ${error instanceof Error ? error.message : String(error)}`;
  return channelError(["EACCES", "EPERM", "EROFS"].includes(code) ? "DENIED" : "INTERNAL", message, error);
}
