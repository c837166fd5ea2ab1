import { createHash } from "node:crypto";
import type { FleetId, NodeId } from "./ids.js";
import { equalBytes, type Gate, type Signer, type Verifier } from "./keys.js";
import type { Packet } from "./packet.js";
import { decodePacket, encodePacket, frameFault, trailerBytes, type WireError } from "./wire.js";

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
  const bytes = encodePacket(packet);
  const digest = digestOf(bytes);
  bytes.set(keys.signer.sign(withDomain(signatureDomain, digest)), bytes.length - trailerBytes);
  pass(bytes, keys.gate);
  return { bytes, digest };
}

/**
 * Gates a packet anew, after the shared secret changed: same digest, same signature, so that its receipt still fits.
 * `bytes` must be what {@link seal} made; they stay as they are.
 */
export function regate(bytes: Uint8Array, gate: Gate): Uint8Array {
  const again = new Uint8Array(bytes);
  pass(again, gate);
  return again;
}

/**
 * Opens a sealed packet: cheap checks first, the gate before anything is parsed, then who it is for and who signed it.
 * What it gives shares no memory with `bytes`. Never throws, unless `trust` does.
 */
export function open(bytes: Uint8Array, trust: Trust): Opened {
  const wrong = frameFault(bytes);
  if (wrong !== undefined) return { ok: false, code: wrong };
  const gate = trust.gate(bytes.subarray(-40, -32));
  if (gate === undefined || !equalBytes(macOf(bytes, gate), bytes.subarray(-32)))
    return { ok: false, code: "GATE" };
  const packet = decodePacket(bytes);
  if (typeof packet === "string") return { ok: false, code: packet };
  if (!gate.kinds.includes(packet.kind)) return { ok: false, code: "GATE" };
  if (packet.fleet !== trust.fleet) return { ok: false, code: "FLEET" };
  if (packet.to !== trust.node) return { ok: false, code: "RECIPIENT" };
  const key = trust.key(packet);
  if (key === undefined) return { ok: false, code: "SENDER" };
  const digest = digestOf(bytes);
  if (!key.verify(withDomain(signatureDomain, digest), bytes.subarray(-trailerBytes, -40)))
    return { ok: false, code: "SIGNATURE" };
  return { ok: true, packet, digest };
}

/** Writes the gate's id and MAC over the last 40 bytes. */
function pass(bytes: Uint8Array, gate: Gate): void {
  bytes.set(gate.id, bytes.length - 40);
  bytes.set(macOf(bytes, gate), bytes.length - 32);
}

function macOf(bytes: Uint8Array, gate: Gate): Uint8Array {
  return gate.mac(macDomain, bytes.subarray(0, -32));
}

function digestOf(bytes: Uint8Array): Uint8Array {
  const signed = bytes.subarray(0, -trailerBytes);
  return new Uint8Array(createHash("sha256").update(digestDomain).update(signed).digest());
}

function withDomain(domain: Uint8Array, bytes: Uint8Array): Uint8Array {
  const joined = new Uint8Array(domain.length + bytes.length);
  joined.set(domain);
  joined.set(bytes, domain.length);
  return joined;
}
