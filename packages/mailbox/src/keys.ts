import type { NodeId, PacketId } from "@multifleet/core";

/*
 * The tables of the store: a letter, a slash, then what the record is found by. Numbers are written so that their order as text is their
 * order as numbers. A table ends where the same letter with "0" begins, the character after the slash.
 */

/** A number as 11 digits in base 36: enough for 2^53. */
function digits(value: number): string {
  return value.toString(36).padStart(11, "0");
}

/** The number that a key ends with. */
export function lastNumber(key: string): number {
  return Number.parseInt(key.slice(-11), 36);
}

/** The bounds of all keys that begin with `prefix`, which ends with a slash. */
export function within(prefix: string): { readonly from: string; readonly to: string } {
  return { from: prefix, to: `${prefix.slice(0, -1)}0` };
}

/** What the store is, who writes it, and what it counts. */
export const meta = { format: "m/format", owner: "m/owner", counters: "m/counters" };

/** Where a message of this node is kept: notices are apart, since nobody lists them. */
export type Shelf = "accepted" | "sent" | "notice";

/** Messages of this node. `place` numbers are given in the order of acceptance, `ending` numbers in that of settling. */
export const outboxKeys = {
  /** The last number given to a peer, and the last one under each ordering key. */
  lane: (peer: NodeId) => `q/${peer}`,
  ordering: (peer: NodeId, key: string) => `l/${peer}/${key}`,
  /** A message that is not settled, one that is, its sealed bytes, where an id is. */
  pending: (shelf: Shelf, place: number) => `p/${shelf}/${digits(place)}`,
  settled: (notice: boolean, place: number) => `${notice ? "n" : "h"}/${digits(place)}`,
  sealed: (place: number) => `b/${digits(place)}`,
  id: (id: PacketId) => `i/${id}`,
  /** The places of settled messages by their state, and of settled notices. */
  ending: (shelf: string, ending: number) => `s/${shelf}/${digits(ending)}`,
};

/** Messages of others. `source` numbers their streams, `position` gives the order of showing. */
export const inboxKeys = {
  source: (from: NodeId, stream: Uint8Array) => `f/${from}/${Buffer.from(stream).toString("hex")}`,
  /** What became of a packet. */
  entry: (source: number, seq: number) => `e/${digits(source)}/${digits(seq)}`,
  /** An item that is not shown yet, by the one it waits for; and those whose waiting is over, where there were too many for one commit. */
  waiting: (source: number, prev: number, seq: number) =>
    `w/${digits(source)}/${digits(prev)}/${digits(seq)}`,
  waitingFor: (source: number, prev: number) => within(`w/${digits(source)}/${digits(prev)}/`),
  waitingBelow: (source: number, floor: number) => ({
    from: `w/${digits(source)}/`,
    to: `w/${digits(source)}/${digits(floor)}/`,
  }),
  released: (source: number, prev: number) => `k/${digits(source)}/${digits(prev)}`,
  allReleased: (source: number) => within(`k/${digits(source)}/`),
  /** An item that is shown, since when it is surfaced, and the ways to find it. */
  item: (position: number) => `x/${digits(position)}`,
  surfacedAt: (position: number) => `v/${digits(position)}`,
  unsurfaced: (position: number) => `u/${digits(position)}`,
  session: (session: string, surfaced: boolean, position: number) =>
    `${sessionPrefix(session, surfaced)}${digits(position)}`,
  id: (id: PacketId, position: number) => `j/${id}/${digits(position)}`,
  /** Surfaced items in the order of surfacing. */
  surfacing: (surfacing: number) => `z/${digits(surfacing)}`,
  /** A receipt that is owed, and which packets have ever had one, so that their floor ends the debt. */
  owed: (to: NodeId, digest: Uint8Array) => `o/${to}/${Buffer.from(digest).toString("hex")}`,
  debt: (source: number, seq: number) => `d/${digits(source)}/${digits(seq)}`,
};

/** A session's name may hold anything, slashes too: its length goes first. */
export function sessionPrefix(session: string, surfaced: boolean): string {
  return `y/${session.length}/${session}/${surfaced ? 1 : 0}/`;
}

export const drawerKey = (key: string): string => `g/${key}`;
