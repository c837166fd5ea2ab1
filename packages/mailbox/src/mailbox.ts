import type { NodeId, Outcome, PacketId, RejectReason, Sealed } from "@multifleet/core";
import type { MailboxErrorCode } from "./errors.js";

/** How far a message is. The last four are final; see docs/guarantee.md. */
export type MessageState = "accepted" | "sent" | "delivered" | "expired" | "rejected" | "cancelled";

/** One try to carry a packet, as the sender saw it. */
export interface Attempt {
  readonly channel: string;
  /** Milliseconds since the epoch. */
  readonly at: number;
  /** How long it took, in milliseconds; undefined while it is under way. */
  readonly ms?: number;
  /** `delivered`, `stored`, `woke`, or the channel's error code; undefined while it is under way. */
  readonly outcome?: string;
  readonly reason?: string;
}

/** What a message is, as its sender gave it. All of it takes part in "the same id with the same body". */
export interface Draft {
  readonly id: PacketId;
  readonly kind: "message" | "notice";
  readonly to: NodeId;
  readonly type: string;
  readonly session: string;
  readonly toSession: string;
  readonly replyTo: PacketId | "";
  readonly key: string;
  readonly subject: string;
  /** Only by this channel; empty: by any. */
  readonly via: string;
  /** Milliseconds since the epoch. */
  readonly created: number;
  readonly expires: number;
  /** SHA-256 over everything the caller gave that must be the same when the same id comes again. */
  readonly fingerprint: Uint8Array;
}

/** The place that the outbox gives to a message in its stream; all of it goes into the packet. */
export interface Slot {
  readonly stream: Uint8Array;
  readonly seq: number;
  readonly base: number;
  readonly prev: number;
}

/** A message at its sender. */
export interface Sent extends Draft {
  readonly seq: number;
  readonly digest: Uint8Array;
  readonly state: MessageState;
  /** Why it was rejected, or what is known of an expiry. */
  readonly reason: string;
  /** Bounded: the newest 50. */
  readonly attempts: readonly Attempt[];
  readonly settledAt: number;
  /** When the receiver said that an agent session was given it; 0 until then. */
  readonly surfacedAt: number;
  /** The receiver's receipt as it came, sealed; empty until then. */
  readonly receipt: Uint8Array;
}

/** How a message ended. */
export interface Settlement {
  readonly state: "delivered" | "expired" | "rejected" | "cancelled";
  readonly reason: string;
  readonly at: number;
  readonly attempts: readonly Attempt[];
  readonly receipt?: Uint8Array;
}

/** A verified packet at its receiver. */
export interface Arrival {
  readonly id: PacketId;
  readonly kind: "message" | "notice";
  readonly from: NodeId;
  readonly stream: Uint8Array;
  readonly seq: number;
  readonly base: number;
  readonly prev: number;
  readonly digest: Uint8Array;
  readonly type: string;
  readonly session: string;
  readonly toSession: string;
  readonly replyTo: PacketId | "";
  readonly key: string;
  readonly subject: string;
  readonly body: string;
  readonly created: number;
  readonly expires: number;
  readonly idempotent: boolean;
  /** The channel it came by, for people. */
  readonly channel: string;
  readonly receivedAt: number;
  /** Set for a genuine packet that is not taken: it is remembered with this reason, so that it never will be. */
  readonly reject?: RejectReason;
  /** True when the answer cannot travel back on the medium it came by: the receipt is then owed until `paid`. */
  readonly owe: boolean;
}

/**
 * What became of an arrival, durably. `fresh`: it is in the inbox (or remembered as rejected) since now. `again`: it was before, and
 * this is what was said then. `conflict`: the number is taken by another packet. `stale`: below the sender's own base, settled there.
 */
export type Taken =
  | { readonly code: "fresh" | "again"; readonly outcome: Outcome; readonly reason: string }
  | { readonly code: "conflict" | "stale" };

/** An item of the inbox. */
export interface Item {
  readonly id: PacketId;
  readonly from: NodeId;
  readonly type: string;
  readonly session: string;
  readonly toSession: string;
  readonly replyTo: PacketId | "";
  readonly key: string;
  readonly subject: string;
  readonly body: string;
  readonly created: number;
  readonly expires: number;
  readonly idempotent: boolean;
  readonly channel: string;
  readonly receivedAt: number;
  readonly surfacedAt: number;
  /** Its place in this inbox, from 1: rises in the order in which items may be shown, for `after`. */
  readonly position: number;
}

/** A receipt that must still be told to the sender. */
export interface Owed {
  readonly id: PacketId;
  readonly to: NodeId;
  readonly digest: Uint8Array;
  readonly outcome: Outcome;
  readonly reason: string;
}

/** The books of the outbox, messages only (notices are the daemon's own and are not counted): `accepted` is always the sum of the others. */
export interface Books {
  readonly accepted: number;
  readonly delivered: number;
  readonly expired: number;
  readonly rejected: number;
  readonly cancelled: number;
  readonly pending: number;
}

/** What can be read of a mailbox, by its own process or by others beside it. All of it is durable. */
export interface MailboxReader {
  message(id: PacketId): Sent | undefined;
  /** The messages and notices that are not settled, oldest first: what a restart resumes. */
  pending(): Iterable<Sent>;
  /** The sealed bytes of what is not settled, and of dead letters, whose content can so be sent again. */
  sealed(id: PacketId): Uint8Array | undefined;
  /** Messages, not notices, newest first: by settling where `state` is one in which messages end, else by acceptance. */
  messages(filter: { readonly state?: MessageState; readonly limit: number }): Sent[];
  /** Messages, not notices, that ended as expired, rejected or cancelled, the last one first. */
  deadLetters(limit: number): Sent[];
  books(): Books;
  /** Items in showing order. Items whose predecessor under the same key is still missing are not shown yet. */
  inbox(filter: {
    readonly after?: number;
    readonly toSession?: string;
    readonly unsurfaced?: boolean;
    readonly limit: number;
  }): Item[];
  /** An item that is shown. Where several senders used this id: `from`'s, else the first that is not surfaced, else the first. */
  item(id: PacketId, from?: NodeId): Item | undefined;
  /** Receipts still owed to `peer`, or to anyone; at most `limit`, 1,000 where it is not given. */
  owed(peer?: NodeId, limit?: number): Owed[];
  get<Value>(key: string): Value | undefined;
  close(): Promise<void>;
}

/**
 * A node's durable memory. Every promise resolves after the flush of the commit that holds its change; calls made while a commit is
 * under way share the next one. Reads are synchronous and see only what is durable.
 */
export interface Mailbox extends MailboxReader {
  /** This store's stream: 16 random bytes, made with the store. */
  readonly stream: Uint8Array;

  /**
   * Accepts a message: gives it its slot, has it sealed, and keeps both. `same`: this id was accepted before with the same
   * fingerprint. `conflict`: with another one. Slots are given in the order of the calls. When a commit fails that a message's slot was
   * built on, `seal` is called again with another slot: nothing of the first was kept.
   * @throws MailboxError `QUOTA`, `FULL`, `FAILED`: then the message does not exist. Rejects with what `seal` threw, too.
   */
  accept(
    draft: Draft,
    seal: (slot: Slot) => Sealed | Promise<Sealed>,
  ): Promise<{ readonly code: "accepted" | "same" | "conflict"; readonly message: Sent }>;
  /**
   * Remembers what was tried; from the first attempt that a carrier took (`delivered`, `stored`) the message is `sent`. Not awaited: it is
   * written within 100 ms, unless the message is settled before.
   */
  progress(id: PacketId, attempts: readonly Attempt[]): void;
  /**
   * Settles a message, once: false when it was settled before. One exception keeps both sides of one mind: a receiver's receipt that comes
   * after `expired` or `cancelled` corrects it to `delivered`.
   */
  settle(id: PacketId, settlement: Settlement): Promise<boolean>;
  /** Notes that the receiver's agent session was given it. False when there is no such delivered message or it was noted before. */
  markSurfaced(id: PacketId, at: number): Promise<boolean>;
  /** The lowest number to `peer` that is not settled: what `base` in every packet to it says. */
  base(peer: NodeId): number;

  /** Takes a verified packet: its content and its dedupe mark in one commit. @throws MailboxError: then nothing may be answered. */
  take(arrival: Arrival): Promise<Taken>;
  /**
   * Learns from any genuine packet that its sender has settled everything below `base`; items that waited for those are shown. Not awaited:
   * it is written at once where something waits, else within 100 ms.
   */
  advance(from: NodeId, stream: Uint8Array, base: number): void;
  /** Marks an item as given to an agent session. False when there is none or it was marked before. Which one `id` means: see `item`. */
  surface(id: PacketId, at: number, from?: NodeId): Promise<boolean>;
  /** Forgets an item's content, never its number. False when there is none. */
  remove(id: PacketId, from?: NodeId): Promise<boolean>;
  /** A receipt has been told: it is owed no more. Not awaited. */
  paid(to: NodeId, digest: Uint8Array): void;

  /** A small durable drawer for the daemon's own state (peers, membership, invitations), JSON values. @throws TypeError for a key over 1,024 bytes. */
  put(key: string, value: unknown): Promise<void>;
  delete(key: string): Promise<void>;

  /** The file's size, how the last commit failed if it did, and how many packets wait for their turn to be shown; for health. */
  stats(): { readonly bytes: number; readonly failing: MailboxErrorCode | undefined; readonly held: number };
  /** Waits for what was asked for, writes what was noted, gives the store back and ends. */
  close(): Promise<void>;
}
