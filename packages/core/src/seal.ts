import { sha256 } from "@noble/hashes/sha2.js";
import type { FleetId, NodeId } from "./ids.js";
import { equalBytes, type Gate, type Signer, type Verifier } from "./keys.js";
import type { Packet } from "./packet.js";
import { decodePacket, encodePacket, inspect, trailerBytes, type WireError } from "./wire.js";

/** A packet's bytes as they travel, and the digest that its receipt must name. */
export interface Sealed {
  readonly bytes: Uint8Array;
  readonly digest: Uint8Array;
}

/** What a node believes when it opens a packet. */
export interface Trust {
  readonly fleet: FleetId;
  readonly node: NodeId;
  /** The gate with this 8-byte id, while it is still accepted. */
  gate(id: Uint8Array): Gate | undefined;
  /** The key that `packet` must be signed with: that of its admitted, unrevoked sender. The packet has passed the gate, no more. */
  key(packet: Packet): Verifier | undefined;
}

/**
 * Why a packet was refused. `GATE`: sealed with no secret we accept, or changed since. `FLEET`, `RECIPIENT`: meant for others.
 * `SENDER`: not a member. `SIGNATURE`: not signed by the member it names.
 */
export type Refusal = WireError | "GATE" | "FLEET" | "RECIPIENT" | "SENDER" | "SIGNATURE";

/** All refusals, for tables and tests. */
export const refusals: readonly Refusal[] = [
  "TOO_LARGE",
  "MALFORMED",
  "VERSION",
  "KIND",
  "GATE",
  "FLEET",
  "RECIPIENT",
  "SENDER",
  "SIGNATURE",
];

/** An opened packet with the digest of its signed part, or why it is none. */
export type Opened =
  | { readonly ok: true; readonly packet: Packet; readonly digest: Uint8Array }
  | { readonly ok: false; readonly code: Refusal };

const encoder = new TextEncoder();
const digestDomain = encoder.encode("multifleet/v1/packet-digest\0");
const signatureDomain = encoder.encode("multifleet/v1/packet-signature\0");
const macDomain = encoder.encode("multifleet/v1/packet-mac\0");

/** Signs and gates a packet. @throws TypeError when a field is out of its range. */
export function seal(packet: Packet, keys: { readonly gate: Gate; readonly signer: Signer }): Sealed {
  if (!keys.gate.kinds.includes(packet.kind)) throw new TypeError(`a ${packet.kind} does not pass this gate`);
  const signed = encodePacket(packet);
  const digest = digestOf(signed);
  const bytes = new Uint8Array(signed.length + trailerBytes);
  bytes.set(signed);
  bytes.set(keys.signer.sign(join(signatureDomain, digest)), signed.length);
  bytes.set(keys.gate.id, signed.length + 64);
  bytes.set(keys.gate.mac(macDomain, bytes.subarray(0, -32)), bytes.length - 32);
  return { bytes, digest };
}

/**
 * Gates a packet anew, after the shared secret changed: same digest, same signature, so that its receipt still fits.
 * `bytes` must be what {@link seal} made.
 */
export function regate(bytes: Uint8Array, gate: Gate): Uint8Array {
  const again = bytes.slice();
  again.set(gate.id, again.length - 40);
  again.set(gate.mac(macDomain, again.subarray(0, -32)), again.length - 32);
  return again;
}

/** Opens a sealed packet: cheap checks first, the gate before anything is parsed, then who it is for and who signed it. Never throws. */
export function open(bytes: Uint8Array, trust: Trust): Opened {
  const kind = inspect(bytes);
  if (kind === "TOO_LARGE" || kind === "MALFORMED" || kind === "VERSION") return { ok: false, code: kind };
  const gate = trust.gate(bytes.slice(-40, -32));
  if (gate === undefined || !equalBytes(gate.mac(macDomain, bytes.subarray(0, -32)), bytes.subarray(-32))) {
    return { ok: false, code: "GATE" };
  }
  const packet = decodePacket(bytes);
  if (typeof packet === "string") return { ok: false, code: packet };
  if (!gate.kinds.includes(packet.kind)) return { ok: false, code: "GATE" };
  if (packet.fleet !== trust.fleet) return { ok: false, code: "FLEET" };
  if (packet.to !== trust.node) return { ok: false, code: "RECIPIENT" };
  const key = trust.key(packet);
  if (key === undefined) return { ok: false, code: "SENDER" };
  const digest = digestOf(bytes.subarray(0, -trailerBytes));
  if (!key.verify(join(signatureDomain, digest), bytes.subarray(-trailerBytes, -40)))
    return { ok: false, code: "SIGNATURE" };
  return { ok: true, packet, digest };
}

function digestOf(signed: Uint8Array): Uint8Array {
  return sha256.create().update(digestDomain).update(signed).digest();
}

function join(domain: Uint8Array, bytes: Uint8Array): Uint8Array {
  const joined = new Uint8Array(domain.length + bytes.length);
  joined.set(domain);
  joined.set(bytes, domain.length);
  return joined;
}
