import type { Frame, MediumEvent, NodeId, RelayAsk, RelayOutcome } from "@multifleet/core";

/** What a relay was asked, and how it ended. */
export interface Reply {
  /** As the relay says, and no more than its word: whoever sent the frame believes only a receipt in `answer`. */
  readonly outcome: RelayOutcome;
  /** Why, where it was neither delivered nor stored; a short word for people. */
  readonly reason: string;
  /** The far node's sealed answer; empty where it gave none, and unless delivered. */
  readonly answer: Uint8Array;
  /** A second relay behind the first, or empty. */
  readonly beyond: NodeId | "";
}

/**
 * What this channel asks of the daemon: it alone can seal a request, send it by its other channels and verify what comes back. Everything
 * but `ask` is synchronous and free, and asks no network.
 */
export interface Forwarder {
  /** Whether any node could be asked to pass a frame on to `to`. */
  reaches(to: NodeId): boolean;
  /** The nodes to ask, best first; never `to`, never this node itself. Empty when `reaches` is false. */
  candidates(to: NodeId): readonly NodeId[];
  /**
   * Asks one node, over channels that lead straight to it. Never rejects, and ends soon after `signal` fires. An answer that is not the far
   * node's own is no success: its outcome is `refused`.
   */
  ask(relay: NodeId, frame: Frame, ask: RelayAsk, options: { readonly signal: AbortSignal }): Promise<Reply>;
  /** Tells when relays come or go. @returns What ends it. */
  watch(listener: (event: MediumEvent) => void): () => void;
}
