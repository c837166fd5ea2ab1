import { isPacketId } from "@multifleet/core";
import type { GitObject } from "./pack.js";

/** A frame that waits, encrypted, under the name of its blob. */
export interface Waiting {
  readonly blob: string;
  readonly bytes: Buffer;
}

/** What waits behind a ref, oldest first. */
export interface Chain {
  readonly frames: readonly Waiting[];
  /** How many things were in it that are no frames. */
  readonly junk: number;
  /** The first commit that was not read; undefined where the chain was read to its end. */
  readonly rest?: string;
}

/** Frames that are looked at in one commit. A sender of ours puts no more into one. */
export const maxCommitFrames = 64;
const maxCommits = 4_096;

/** Follows a ref's commits from `tip` as far as they were fetched. Names, modes and kinds that a sender of ours does not make are junk. */
export function readChain(objects: ReadonlyMap<string, GitObject>, tip: string): Chain {
  const commits: Waiting[][] = [];
  let junk = 0;
  let next: string | undefined = tip;
  while (next !== undefined && commits.length < maxCommits) {
    const commit = parseCommit(objects.get(next));
    if (commit === undefined) {
      if (!objects.has(next) && next !== tip) return { frames: commits.reverse().flat(), junk, rest: next };
      // A tag, a tree, a merge: nothing beneath it is ours.
      junk += 1;
      break;
    }
    const tree = parseTree(objects.get(commit.tree));
    const frames: Waiting[] = [];
    for (const { mode, name, oid } of tree) {
      const blob = objects.get(oid);
      if (mode === "100644" && isPacketId(name) && blob?.type === "blob" && frames.length < maxCommitFrames)
        frames.push({ blob: oid, bytes: blob.bytes });
      else junk += 1;
    }
    commits.push(frames);
    next = commit.parent;
  }
  return { frames: commits.reverse().flat(), junk };
}

/** A commit's tree and its parent; undefined for what is none, and for a merge. */
function parseCommit(object: GitObject | undefined): { tree: string; parent?: string } | undefined {
  if (object?.type !== "commit") return undefined;
  const head = /^tree ([0-9a-f]{40})\n(?:parent ([0-9a-f]{40})\n)?author /.exec(
    object.bytes.toString("latin1", 0, 256),
  );
  const [, tree, parent] = head ?? [];
  if (tree === undefined) return undefined;
  return parent === undefined ? { tree } : { tree, parent };
}

function parseTree(object: GitObject | undefined): { mode: string; name: string; oid: string }[] {
  const entries: { mode: string; name: string; oid: string }[] = [];
  if (object?.type !== "tree") return entries;
  const { bytes } = object;
  for (let at = 0; at < bytes.length;) {
    const space = bytes.indexOf(0x20, at);
    const end = bytes.indexOf(0, at);
    if (space < 0 || end < space || end + 21 > bytes.length)
      return [...entries, { mode: "", name: "", oid: "" }];
    entries.push({
      mode: bytes.toString("latin1", at, space),
      name: bytes.toString("latin1", space + 1, Math.min(end, space + 80)),
      oid: bytes.toString("hex", end + 1, end + 21),
    });
    at = end + 21;
  }
  return entries;
}
