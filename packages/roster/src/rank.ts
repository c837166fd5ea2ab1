import { createHash } from "node:crypto";
import type { NodeId } from "@multifleet/core";

/**
 * A node's place in the order that all nodes of a fleet agree on without a word: 48 bits of a hash over its name. Not by name itself, so
 * that `mac1` is not always first, nor do `rack1-1` and `rack1-2` stand next to each other.
 */
export function rankOf(node: NodeId): number {
  return createHash("sha256").update(`multifleet/v1/rank\0${node}`).digest().readUIntBE(0, 6);
}

/** Nodes in the order of their rank, lowest first; of two alike, by name. */
export function inOrder<Ranked extends { readonly node: NodeId; readonly rank: number }>(
  nodes: Iterable<Ranked>,
): Ranked[] {
  return [...nodes].toSorted((a, b) => a.rank - b.rank || (a.node < b.node ? -1 : 1));
}
