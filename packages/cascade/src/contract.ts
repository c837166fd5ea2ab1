import type { ChannelErrorCode, Effect, NodeId, PacketId } from "@multifleet/core";

/** A channel as the cascade knows it: its traits, and whether it has a way to a peer. */
export interface Carrier {
  readonly name: string;
  readonly effect: Effect;
  /** As in the channel's traits: lower is tried first where nothing else decides. */
  readonly rank: number;
  readonly maxFrameBytes: number;
  reaches(peer: NodeId): boolean;
}

/** A packet to be carried until it is settled. */
export interface Shipment {
  readonly id: PacketId;
  readonly to: NodeId;
  readonly size: number;
  /** Milliseconds since the epoch, on the same clock as `now`. */
  readonly expires: number;
  /** Only by this channel, or by these, where the sender said so. */
  readonly via?: string | readonly string[];
  /** `until-receipt`: goes on until settled. `once`: one pass over the channels, no retry (hellos, receipts, probes). */
  readonly mode: "until-receipt" | "once";
}

/** What happened. Every input carries the time; the cascade has no clock of its own. */
export type Input =
  | { readonly kind: "opened"; readonly carrier: Carrier }
  | { readonly kind: "closed"; readonly channel: string; readonly reason: string }
  | { readonly kind: "submit"; readonly shipment: Shipment }
  /** The attempt ended well. `answered`: a receipt settled it or will by a `settled` input that follows at once. */
  | {
      readonly kind: "succeeded";
      readonly attempt: number;
      readonly effect: Effect;
      readonly answered: boolean;
    }
  | {
      readonly kind: "failed";
      readonly attempt: number;
      readonly code: ChannelErrorCode;
      readonly reason: string;
    }
  /** A receipt came, the message was cancelled, or it ended for another reason. A `once` shipment answers with its `done`. */
  | { readonly kind: "settled"; readonly id: PacketId }
  /** The medium said so: see core's MediumEvent. */
  | {
      readonly kind: "medium";
      readonly channel: string;
      readonly peer?: NodeId;
      readonly state: "up" | "down";
      readonly reason: string;
    }
  /** A genuine packet of `peer` came in by `channel`. `hello`: the peer has just started, woken or reconnected. */
  | { readonly kind: "heard"; readonly channel: string; readonly peer: NodeId; readonly hello: boolean }
  /** The timer that was armed fired. */
  | { readonly kind: "timer" };

/** What to do, in this order. `arm` comes first: what obeying the others leads to may arm anew. */
export type Command =
  | {
      readonly kind: "start";
      readonly attempt: number;
      readonly id: PacketId;
      readonly to: NodeId;
      readonly channel: string;
      readonly deadline: number;
      readonly why: "first" | "fallback" | "hedge" | "retry" | "race";
    }
  /**
   * The attempt is of no more use, or past its deadline: abort its signal. Its end may be reported all the same. An attempt that tries a
   * path in doubt goes on for a moment after its shipment is settled, so that losing the race is not held against the path.
   */
  | { readonly kind: "abort"; readonly attempt: number }
  /** Its time is over; the shipment is forgotten by the cascade. `doubtful`: some carrier took it or may have, so the receiver may have it. */
  | { readonly kind: "expired"; readonly id: PacketId; readonly doubtful: boolean }
  /** A `once` shipment is over, or its time is. `carried`: what the first success achieved, if any did. */
  | { readonly kind: "done"; readonly id: PacketId; readonly carried: Effect | undefined }
  /** Wake me at `at` (replaces what was armed before), or never. It may turn out that nothing is due then. */
  | { readonly kind: "arm"; readonly at: number | undefined };

/** What is known of one channel to one peer, for screens. */
export interface ChannelHealth {
  readonly channel: string;
  readonly state: "up" | "unknown" | "suspect" | "down";
  readonly since: number;
  readonly reason: string;
  /** Smoothed round trip in milliseconds, where there was one. */
  readonly latency: number | undefined;
}

/** The decision maker: the same inputs with the same times and the same randomness give the same commands. */
export interface Cascade {
  /** @param now Milliseconds since the epoch. Never throws for an input that is out of date: such inputs change nothing. */
  handle(input: Input, now: number): Command[];
  /** @param among Only the channels of these names; all where it is not given. */
  health(peer: NodeId, among?: readonly string[]): readonly ChannelHealth[];
  /** Shipments under way, and the peers that have any. */
  readonly load: { readonly shipments: number; readonly peers: number };
}
