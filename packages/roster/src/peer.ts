import type { NodeId } from "@multifleet/core";
import type { Entry } from "./entry.js";
import { rankOf } from "./rank.js";

/** What is known of one other node, and from where. Times are this node's clock's, in milliseconds. */
export class Peer {
  readonly node: NodeId;
  readonly rank: number;
  entry: Entry | undefined;
  /** The stamp of the newest word known, or of the newest that an earlier run knew. */
  stamp: number;
  /** The stamp of our own word that this peer has, as it says. */
  has = 0;
  /** When a genuine packet of it came in. */
  heardAt = Number.NEGATIVE_INFINITY;
  /** When a newer word of it came by others: a row of the board. */
  newsAt = Number.NEGATIVE_INFINITY;
  /** Since when it is a neighbour of ours that we keep alive with. */
  chargedAt = Number.NEGATIVE_INFINITY;
  askedAt = Number.NEGATIVE_INFINITY;
  /** We heard it since it was last lost: only then can we lose it. */
  met = false;
  /** It was our neighbour, and its lease ran out. */
  lost = false;
  /** When it said that it is about to end. */
  leftAt: number | undefined;
  /** Who else found it gone, with the stamp of its last word that they knew. */
  readonly accusers = new Map<NodeId, number>();
  /** As it was last shown to others. */
  shown = false;

  constructor(node: NodeId, floor: number) {
    this.node = node;
    this.rank = rankOf(node);
    this.stamp = floor;
  }

  get lastSign(): number {
    return Math.max(this.heardAt, this.newsAt);
  }

  /** Somebody finds it gone who has no older word from it than we have. */
  get accused(): boolean {
    for (const stamp of this.accusers.values()) if (stamp >= this.stamp) return true;
    return false;
  }

  /** What we hear ourselves goes before what others say; after that they know better: their clock for it is shorter than the horizon. */
  alive(now: number, lease: number, horizon: number): boolean {
    if (this.leftAt !== undefined) return false;
    if (now - this.heardAt < lease) return true;
    if (this.lost || this.accused) return false;
    return now - this.lastSign < horizon;
  }
}
