import type { NodeId } from "@multifleet/core";
import type { Role } from "./entry.js";

/** A live node as the choice of a chief sees it. */
export interface Candidate {
  readonly node: NodeId;
  readonly rank: number;
  readonly role: Role;
  /** The term for which it says that it is chief; undefined when it does not. */
  readonly claims: number | undefined;
}

/** A chief and its term. Terms rise with each change; of two chiefs the one with the higher term is right. */
export interface Chief {
  readonly node: NodeId;
  readonly term: number;
}

/** What a node makes of what it knows: who is chief, and whether it says of itself that it is. */
export interface Choice {
  readonly chief: Chief | undefined;
  /** The term for which this node is chief from now on; undefined: it is not. */
  readonly claims: number | undefined;
}

/**
 * Chooses the chief among the live nodes, of which `self` is one. The chief that sits stays, whoever else comes or goes; where two say
 * that they are it, the higher term is right, and of equal terms the one that comes first, which then takes a new term so that nobody
 * can take the two for one. Where nobody says so, the first that may be chief takes the term after the `highest` that was ever heard of.
 *
 * @param ready Whether this node has listened for long enough to know who is there.
 */
export function chooseChief(
  self: NodeId,
  live: readonly Candidate[],
  { highest, ready }: { readonly highest: number; readonly ready: boolean },
): Choice {
  let sitting: Candidate | undefined;
  let first: Candidate | undefined;
  let rival = false;
  for (const each of live) {
    if (each.role === "never") continue;
    if (first === undefined || isBefore(each, first)) first = each;
    if (each.claims === undefined) continue;
    const higher = sitting?.claims === undefined ? 1 : each.claims - sitting.claims;
    if (higher === 0) rival = true;
    else if (higher > 0) rival = false;
    if (sitting === undefined || higher > 0 || (higher === 0 && isBefore(each, sitting))) sitting = each;
  }
  const take = { chief: { node: self, term: highest + 1 }, claims: highest + 1 };
  if (sitting?.claims === undefined) {
    return first?.node === self && ready ? take : { chief: undefined, claims: undefined };
  }
  if (sitting.node === self) {
    return rival ? take : { chief: { node: self, term: sitting.claims }, claims: sitting.claims };
  }
  // One that is preferred does not wait for another's end.
  if (ready && first?.node === self && first.role === "prefer" && sitting.role !== "prefer") return take;
  return { chief: { node: sitting.node, term: sitting.claims }, claims: undefined };
}

/** Whether `a` goes before `b` where both would do: preferred ones first, then by rank. */
function isBefore(a: Candidate, b: Candidate): boolean {
  if (a.role !== b.role) return a.role === "prefer";
  return a.rank !== b.rank ? a.rank < b.rank : a.node < b.node;
}
