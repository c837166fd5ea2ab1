import type { NodeId } from "@multifleet/core";
import type { Chief } from "./chief.js";
import type { Entry, Role, Word } from "./entry.js";

/** What a node can say of itself at any time, without waiting for anything. */
export interface Facts {
  readonly version: string;
  readonly capabilities: readonly string[];
  readonly tools: Readonly<Record<string, string>>;
  readonly git_head: string | null;
  readonly sessions: readonly string[];
  readonly channels: Readonly<Record<string, readonly string[]>>;
}

/** What happened. */
export type Input =
  /** The other nodes of the fleet are these, from now on. */
  | { readonly kind: "members"; readonly nodes: readonly NodeId[] }
  /** A genuine packet of a node came in. */
  | { readonly kind: "heard"; readonly node: NodeId }
  /** A node's hello or its answer to ours came in, after the `heard` that it is as well. */
  | { readonly kind: "word"; readonly node: NodeId; readonly word: Word }
  /** A row of the board that its node signed. */
  | { readonly kind: "row"; readonly entry: Entry }
  /** A channel's board can be written and is read from now on, or no board any more. */
  | { readonly kind: "board"; readonly name: string | undefined }
  /** Something that {@link Facts} tell may have changed. */
  | { readonly kind: "touched" }
  /** This node's row is not on the board as it was written: not stored, or another's. */
  | { readonly kind: "row-lost" }
  /** This node is about to end. */
  | { readonly kind: "leaving" }
  /** The timer that was armed fired. */
  | { readonly kind: "timer" };

/** What to do, in this order. */
export type Command =
  /** Send a hello that is answered, with our word to this node. */
  | { readonly kind: "keep-alive"; readonly to: NodeId }
  /** Write our row on the board, if `board`, and send our word to these nodes. */
  | {
      readonly kind: "publish";
      readonly entry: Entry;
      readonly board: boolean;
      readonly to: readonly NodeId[];
    }
  | { readonly kind: "chief"; readonly chief: Chief | undefined }
  | { readonly kind: "presence"; readonly node: NodeId; readonly alive: boolean }
  /** A node says something else of itself than before. */
  | { readonly kind: "changed"; readonly node: NodeId }
  /** Wake me at `at` (replaces what was armed before), or never. */
  | { readonly kind: "arm"; readonly at: number | undefined };

/** A node of the fleet as this one knows it. */
export interface Known {
  readonly node: NodeId;
  readonly alive: boolean;
  /** On the clock that the roster is told the time by; undefined: never in this run. */
  readonly lastSign: number | undefined;
  readonly entry: Entry | undefined;
}

/** What a roster is made with. */
export interface RosterOptions {
  readonly node: NodeId;
  readonly role: Role;
  /** The highest term that an earlier run knew. */
  readonly term: number;
  readonly random: () => number;
  /** The lease in milliseconds; see {@link Settings}. */
  readonly lease?: number;
  /** Milliseconds on a clock that is never set, as all times that the roster is told; `wall` is the time of day, for others to read. */
  readonly now: number;
  wall(): number;
  /** @param kept The peers whose channels are to be told. */
  facts(kept: readonly NodeId[]): Facts;
  /** The newest stamp of a node that an earlier run knew; 0 for none. */
  floor?(node: NodeId): number;
}

/**
 * Who is alive, what each can do and who is chief, as one node knows it. It does nothing itself: it is told what happened, with the time,
 * and answers with what to do. The same inputs with the same times and the same randomness give the same commands.
 */
export interface Roster {
  handle(input: Input, now: number): Command[];
  /** Our word to a node, for a hello to it or an answer. */
  word(to: NodeId, now: number): Word;
  /** Whether an entry is newer than what is known of its node. `SAME`: told again. */
  compare(entry: Entry): "NEWER" | "SAME" | "OLDER";
  readonly chief: Chief | undefined;
  /** This node's own entry as it was last told. */
  readonly own: Entry;
  alive(node: NodeId, now: number): boolean;
  /** All other nodes, by rank. */
  known(now: number): Known[];
  /** The live nodes that have a capability, in no order; this one among them. */
  having(capability: string, now: number): NodeId[];
  /** Live nodes that say they reach `to`, or that `to` says it reaches, the chief first; not `to`, not this one. */
  likely(to: NodeId, now: number): NodeId[];
}
