import { equalBytes } from "./keys.js";
import type { NodeId, PacketId } from "./ids.js";
import type { Packet } from "./packet.js";
import { decodeText } from "./wire.js";

/**
 * What the receiver did with a packet. `delivered`: verified, and durable in its inbox together with its dedupe mark.
 * `rejected`: never will be, and `reason` says why. `reached`: a probe arrived; nothing was stored.
 */
export type Outcome = "delivered" | "rejected" | "reached";

const outcomes: readonly Outcome[] = ["delivered", "rejected", "reached"];

/** Why a receiver rejects a packet that is genuine. Closed; the sender shows it with the message. */
export type RejectReason =
  | "unknown_recipient"
  | "unknown_type"
  | "expired"
  | "stream_conflict"
  | "stale_number"
  | "bad_content"
  | "not_decryptable"
  | "not_allowed";

/** A receiver's signed word on one packet. */
export interface Receipt {
  /** SHA-256 of the packet's signed part: a receipt says nothing of any other packet, whatever its id. */
  readonly digest: Uint8Array;
  readonly outcome: Outcome;
  /** A {@link RejectReason}, or one that a newer version knows; empty unless rejected. */
  readonly reason: string;
}

/** A receipt as the body of a packet: the digest, one byte (1 delivered, 2 rejected, 3 reached), the reason in UTF-8. */
export function encodeReceipt(receipt: Receipt): Uint8Array {
  const reason = new TextEncoder().encode(receipt.reason);
  const bytes = new Uint8Array(33 + reason.length);
  bytes.set(receipt.digest);
  bytes[32] = outcomes.indexOf(receipt.outcome) + 1;
  bytes.set(reason, 33);
  return bytes;
}

/** Reads the body of a receipt; undefined when it is not one. */
export function decodeReceipt(body: Uint8Array): Receipt | undefined {
  const outcome = outcomes[(body[32] ?? 0) - 1];
  const reason = decodeText(body.subarray(33));
  if (body.length < 33 || body.length > 97 || outcome === undefined || reason === undefined) return undefined;
  if ((outcome === "rejected") !== /^[a-z][a-z_]*$/.test(reason)) return undefined;
  return { digest: body.slice(0, 32), outcome, reason };
}

/** The packet a receipt must fit: our own record of what was sent. */
export interface Expected {
  readonly id: PacketId;
  readonly to: NodeId;
  readonly digest: Uint8Array;
}

/**
 * What an opened packet says of the packet we sent; undefined unless it is a receipt from that packet's recipient for exactly its bytes.
 */
export function readReceipt(packet: Packet, expected: Expected): Receipt | undefined {
  if (packet.kind !== "receipt" || packet.id !== expected.id || packet.from !== expected.to) return undefined;
  const receipt = decodeReceipt(packet.body);
  return receipt !== undefined && equalBytes(receipt.digest, expected.digest) ? receipt : undefined;
}
