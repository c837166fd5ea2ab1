import type { ChannelError } from "./errors.js";
import type { FleetId, NodeId, PacketId } from "./ids.js";

/**
 * What a channel's success means. `delivers`: the far daemon itself answered. `stores`: a durable middleman has the
 * frame and the receipt comes later, by any channel. `wakes`: the frame went nowhere, the far machine was woken.
 */
export type Effect = "delivers" | "stores" | "wakes";

/** A sealed packet on its way. `bytes` are opaque to a channel: it carries them and never looks inside. */
export interface Frame {
  readonly id: PacketId;
  readonly to: NodeId;
  readonly bytes: Uint8Array;
}

/**
 * How one attempt ended. `answer`: the far daemon's sealed answer, where the medium can carry it back. `path`: for people, which way it
 * went where a channel has several, such as `through mac3`.
 */
export type SendResult =
  | {
      readonly ok: true;
      readonly effect: Effect;
      readonly answer?: Uint8Array;
      readonly path?: string;
    }
  | { readonly ok: false; readonly error: ChannelError };

/**
 * What the daemon says of an inbound frame, and so what the channel does with it on its medium.
 * `taken`: it is dealt with for good, durably where it asked for durability; acknowledge or remove it, and carry `answer` back if
 * the medium can. `refused`: not for us or not genuine; remove it too (a file is quarantined), nothing to answer.
 * `later`: it could not be stored now; leave it where it is, or tell the sender to come again.
 */
export type Verdict =
  | { readonly code: "taken"; readonly answer?: Uint8Array }
  | { readonly code: "refused"; readonly reason: string }
  | { readonly code: "later"; readonly reason: string };

/** News of a channel's medium. Without `peer` it concerns every peer the channel serves. */
export interface MediumEvent {
  readonly state: "up" | "down";
  readonly peer?: NodeId;
  /** For people: what the medium said, such as `ECONNREFUSED`. */
  readonly reason?: string;
}

/** All that a channel sees of the daemon that opened it. */
export interface ChannelHost {
  readonly node: NodeId;
  /** The fleet that `node` is a member of: names on a medium that several fleets share begin with it. */
  readonly fleet: FleetId;
  /** Hands an inbound frame over. Never rejects. Await it before acknowledging on the medium. */
  receive(bytes: Uint8Array): Promise<Verdict>;
  /** Moves a counter of this channel: a short snake_case event such as `accept_errors`. */
  count(event: string): void;
  /** Tells what the medium itself said: a connection ended, a server is back. Never a guess, never a probe. */
  report(event: MediumEvent): void;
  /**
   * Where a peer says it can be reached, best first: from the config, then from its own signed hello. By this channel, unless another is
   * named: an SSH connection leads to the socket that the peer announces for `ipc`.
   */
  addresses(to: NodeId, channel?: string): readonly string[];
}

/** What a channel can do, known before it is opened. The conformance kit, the docs and the cascade read it. */
export interface Traits {
  readonly effect: Effect;
  /** Whether it also receives. A channel that only wakes or only posts does not. */
  readonly inbound: boolean;
  /** Largest frame it carries, in bytes; larger ones get `TOO_LARGE` before the medium is touched. */
  readonly maxFrameBytes: number;
  /** Its place in the order that people know as P0 to P9, where nothing else decides; lower is tried first. */
  readonly rank: number;
}

/**
 * A way to carry packets. Inert until opened: making one reads no file, opens no socket, starts no timer.
 * A channel never parses, never queues, never retries, never polls.
 */
export interface Channel {
  /** The version of this contract. */
  readonly contract: 1;
  /** As in the config and on screens: one lower-case label. */
  readonly name: string;
  readonly traits: Traits;
  /**
   * Opens the channel; called by the daemon at its start and again after the link closed. Resolves once frames can be sent and received.
   * @throws ChannelError `MISCONFIGURED` when the options can never work, `UNREACHABLE`, `DENIED` or `INTERNAL` when they cannot
   * now, `ABORTED` when `signal` fired. After a throw nothing is left open.
   */
  open(host: ChannelHost, options: { readonly signal: AbortSignal }): Promise<Link>;
}

/** An open channel. Disposing it ends everything it started and resolves when nothing of it is left. */
export interface Link extends AsyncDisposable {
  /** Whether this link has a way to `to`: synchronous and free, asks options and known addresses, never the network. */
  reaches(to: NodeId): boolean;
  /** Carries one frame, once. Never rejects; ends soon after `signal` fires, with `ABORTED`. */
  send(frame: Frame, options: { readonly signal: AbortSignal }): Promise<SendResult>;
  /** Where peers can reach this node by this channel, to be told in its hellos. */
  readonly addresses: readonly string[];
  /** Settles when the link is over: with the reason if it broke, with undefined if it was disposed. Never rejects. */
  readonly closed: Promise<ChannelError | undefined>;
  /**
   * Reads the medium now, where it cannot push and may hold something: called when the daemon learns of a reason to look, such as a wake-up, a
   * network that came back, a peer's doorbell or space on the disk. What comes of it arrives by `receive`. Never throws.
   */
  poke?(): void;
  /** The table that all nodes of the fleet see, where the medium has one. */
  readonly board?: Board;
  /** What the medium says of itself now, for people and dashboards: numbers and short texts, nothing secret. Free: asks no network. */
  status?(): Readonly<Record<string, unknown>>;
}

/** A table on the medium with one row per node, such as a NATS KV bucket. Its rows are anybody's: whoever reads one verifies it. */
export interface Board {
  /** Writes a row. @throws ChannelError when it is not known to be stored. */
  put(key: string, value: Uint8Array, options: { readonly signal: AbortSignal }): Promise<void>;
  /**
   * Tells of every row that is there and of each change from then on, also across reconnections; `value` is undefined for a row that was
   * removed. The same row may be told again. @returns What ends it.
   */
  watch(listener: (key: string, value: Uint8Array | undefined) => void): () => void;
}
