import type { FleetId, NodeId, PacketId } from "./ids.js";

/**
 * What a packet is for. `message` and `notice` are numbered in their stream, kept in an outbox and answered by a `receipt`
 * (a message is for an inbox, a notice for the daemon itself); the others are answered or forgotten. A `relay` asks its receiver to
 * pass another packet on, or answers that.
 */
export type PacketKind = "message" | "notice" | "receipt" | "hello" | "probe" | "join" | "welcome" | "relay";

/** The byte of each kind on the wire. A number is never used again for another kind. */
export const kindBytes: Readonly<Record<PacketKind, number>> = {
  message: 1,
  notice: 2,
  receipt: 3,
  hello: 4,
  probe: 5,
  join: 6,
  welcome: 7,
  relay: 8,
};

/** What every packet says, whatever its kind. Texts hold no control characters; an absent text is the empty string. */
export interface Packet {
  readonly kind: PacketKind;
  readonly fleet: FleetId;
  readonly from: NodeId;
  readonly to: NodeId;
  readonly id: PacketId;
  /** A label such as `context` or `task`. Unknown ones are for the receiver to reject, with a signed reason. */
  readonly type: string;
  /** The agent session that sent it, or empty. */
  readonly session: string;
  /** The agent session it is for, or empty. */
  readonly toSession: string;
  /** The packet it answers, or empty. */
  readonly replyTo: PacketId | "";
  /** Messages of one sender and one key surface in the order they were sent. Empty: no order. */
  readonly key: string;
  /** 16 bytes that name the sender's store: a new store is a new stream, whose numbers begin anew. */
  readonly stream: Uint8Array;
  /** Its number in the stream to this receiver, from 1; 0 for kinds that are not numbered. */
  readonly seq: number;
  /** Every lower number in this stream is settled at the sender and will not come again. In what is numbered, at most `seq`. */
  readonly base: number;
  /** The number of the message before it under the same key, always a lower one, or 0. */
  readonly prev: number;
  /** Milliseconds since the epoch, by the sender's clock. */
  readonly created: number;
  /** Milliseconds since the epoch; after it the packet is never delivered. */
  readonly expires: number;
  /** Whether running it twice does no harm: a task that a crash interrupted may then be started again. */
  readonly idempotent: boolean;
  /** Whether `body` is an age file for the receiver. */
  readonly encrypted: boolean;
  readonly body: Uint8Array;
}

/** The subject and the text of a message. */
export interface Content {
  readonly subject: string;
  readonly body: string;
}
