import type { NodeId } from "@multifleet/core";
import type { Entry, Roster } from "@multifleet/roster";

/** A node of the fleet, as the roster has it. */
export interface RosterNode {
  readonly node: NodeId;
  /** Only of the node that answers. */
  readonly self?: true;
  readonly alive: boolean;
  readonly chief: boolean;
  readonly last_seen?: string;
  readonly version?: string;
  readonly capabilities: readonly string[];
  readonly tools: Readonly<Record<string, string>>;
  readonly channels: Readonly<Record<string, readonly string[]>>;
  readonly git_head?: string;
  readonly sessions: readonly string[];
}

/** The answer of `GET /roster`. */
export interface RosterView {
  readonly chief?: NodeId;
  readonly term: number;
  /** The channel whose table holds the rows; absent where the nodes tell each other. */
  readonly board?: string;
  readonly nodes: readonly RosterNode[];
}

/** The roster as people see it. @param lastSeen When a node was last heard of, for those without a sign in this run. */
export function rosterView(
  roster: Roster,
  { now, wall, lastSeen }: { now: number; wall: number; lastSeen: (node: NodeId) => number | undefined },
): RosterView {
  const { own, chief } = roster;
  const self: RosterNode = {
    ...{ node: own.node_id, self: true, alive: true, chief: chief?.node === own.node_id },
    ...{ last_seen: new Date(wall).toISOString() },
    ...said(own),
  };
  const others = roster.known(now).map(({ node, alive, lastSign, entry }): RosterNode => {
    const at = lastSign === undefined ? lastSeen(node) : Math.round(wall - (now - lastSign));
    return {
      ...{ node, alive, chief: chief?.node === node },
      ...(at === undefined ? {} : { last_seen: new Date(at).toISOString() }),
      ...said(entry),
    };
  });
  return {
    ...(chief === undefined ? {} : { chief: chief.node }),
    term: chief?.term ?? 0,
    ...(own.board === null ? {} : { board: own.board }),
    nodes: [self, ...others].toSorted((a, b) => (a.node < b.node ? -1 : 1)),
  };
}

function said(entry: Entry | undefined) {
  if (entry === undefined) return { capabilities: [], tools: {}, channels: {}, sessions: [] };
  const { version, capabilities, tools, channels, sessions, git_head } = entry;
  return {
    ...{ version, capabilities, tools, channels, sessions },
    ...(git_head === null ? {} : { git_head }),
  };
}
