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
const reasonName = /^[a-z][a-z_]{0,63}$/;

/** Why a receiver rejects a packet that is genuine. Closed; the sender shows it with the message. */
export type RejectReason =
  | "unknown_recipient"
  | "unknown_type"
  | "expired"
  | "stream_conflict"
  | "stale_number"
  | "bad_content"
  | "not_decryptable"
  | "not_allowed"
  | "not_possible";

/** A receiver's signed word on one packet. */
export interface Receipt {
  /** SHA-256 of the packet's signed part: a receipt says nothing of any other packet, whatever its id. */
  readonly digest: Uint8Array;
  readonly outcome: Outcome;
  /** A {@link RejectReason}, or one that a newer version knows (1 to 64 of a-z and `_`); empty unless rejected. */
  readonly reason: string;
}

/**
 * A receipt as the body of a packet: the digest, one byte (1 delivered, 2 rejected, 3 reached), the reason in ASCII.
 * @throws TypeError when {@link decodeReceipt} would not read it.
 */
export function encodeReceipt(receipt: Receipt): Uint8Array {
  const { digest, outcome, reason } = receipt;
  const byte = outcomes.indexOf(outcome) + 1;
  if (digest.length !== 32 || byte === 0 || !fits(outcome, reason)) throw new TypeError("not a receipt");
  const bytes = new Uint8Array(33 + reason.length);
  bytes.set(digest);
  bytes[32] = byte;
  bytes.set(new TextEncoder().encode(reason), 33);
  return bytes;
}

/** Reads the body of a receipt; undefined when it is not one. */
export function decodeReceipt(body: Uint8Array): Receipt | undefined {
  const outcome = outcomes[(body[32] ?? 0) - 1];
  const reason = decodeText(body.subarray(33));
  if (outcome === undefined || reason === undefined || !fits(outcome, reason)) return undefined;
  return { digest: new Uint8Array(body.subarray(0, 32)), outcome, reason };
}

function fits(outcome: Outcome, reason: string): boolean {
  return outcome === "rejected" ? reasonName.test(reason) : reason === "";
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
