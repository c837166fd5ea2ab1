import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  sign,
  timingSafeEqual,
  verify,
  type KeyObject,
} from "node:crypto";
import { hkdf } from "@noble/hashes/hkdf.js";
import { hmac } from "@noble/hashes/hmac.js";
import { sha256 } from "@noble/hashes/sha2.js";
import type { PacketKind } from "./packet.js";

const encoder = new TextEncoder();

/** Ed25519 (RFC 8032) keys as text: 32 bytes each in base64url, the private one being the seed. */
export interface KeyPair {
  readonly publicKey: string;
  readonly privateKey: string;
}

/** Signs as one node. */
export interface Signer {
  readonly publicKey: string;
  sign(bytes: Uint8Array): Uint8Array;
}

/** Checks signatures of one node. */
export interface Verifier {
  readonly publicKey: string;
  verify(bytes: Uint8Array, signature: Uint8Array): boolean;
}

/** A new Ed25519 key pair. */
export function newKeyPair(): KeyPair {
  const { privateKey } = generateKeyPairSync("ed25519");
  const { d, x } = privateKey.export({ format: "jwk" });
  return { publicKey: x ?? "", privateKey: d ?? "" };
}

/** @throws TypeError when `keys` is not an Ed25519 key pair whose halves belong together. */
export function signer(keys: KeyPair): Signer {
  const key = readKey(() =>
    createPrivateKey({
      key: { kty: "OKP", crv: "Ed25519", x: keys.publicKey, d: keys.privateKey },
      format: "jwk",
    }),
  );
  const { x } = createPublicKey(key).export({ format: "jwk" });
  if (x !== keys.publicKey) throw new TypeError("the two halves of the key pair do not belong together");
  return { publicKey: keys.publicKey, sign: (bytes) => new Uint8Array(sign(null, bytes, key)) };
}

/** @throws TypeError when `publicKey` is not an Ed25519 public key in base64url. */
export function verifier(publicKey: string): Verifier {
  const key = readKey(() =>
    createPublicKey({ key: { kty: "OKP", crv: "Ed25519", x: publicKey }, format: "jwk" }),
  );
  if (Buffer.from(publicKey, "base64url").toString("base64url") !== publicKey)
    throw new TypeError("the key is not in plain base64url");
  return { publicKey, verify: (bytes, signature) => verify(null, bytes, key, signature) };
}

function readKey(read: () => KeyObject): KeyObject {
  try {
    return read();
  } catch (cause) {
    throw new TypeError("not an Ed25519 key in base64url", { cause });
  }
}

/**
 * A shared secret's use at the door: it tells a genuine frame from noise before any signature is checked, anything is parsed or written.
 * It proves membership, never identity.
 */
export interface Gate {
  /** 8 bytes that say which secret a frame was sealed with, so that secrets can change while frames are under way. */
  readonly id: Uint8Array;
  /** The kinds that may pass it. */
  readonly kinds: readonly PacketKind[];
  /** HMAC-SHA256 (RFC 2104) of the parts, one after the other. */
  mac(...parts: Uint8Array[]): Uint8Array;
}

const fleetKinds: readonly PacketKind[] = ["message", "notice", "receipt", "hello", "probe", "relay"];
const invitationKinds: readonly PacketKind[] = ["join", "welcome"];

/** The gate of a fleet's members. @throws TypeError unless `secret` has at least 32 bytes. */
export function fleetGate(secret: Uint8Array): Gate {
  return gate(secret, "fleet", fleetKinds);
}

/** The gate of one invitation, for the two packets that make a member. @throws TypeError unless `secret` has at least 16 bytes. */
export function invitationGate(secret: Uint8Array): Gate {
  return gate(secret, "invitation", invitationKinds);
}

function gate(secret: Uint8Array, purpose: "fleet" | "invitation", kinds: readonly PacketKind[]): Gate {
  const least = purpose === "fleet" ? 32 : 16;
  if (secret.length < least)
    throw new TypeError(`the ${purpose} secret has ${secret.length} bytes; it needs ${least}`);
  // HKDF (RFC 5869), one info per purpose: a key that leaks in one use is worth nothing in another.
  const salt = encoder.encode("multifleet");
  const id = hkdf(sha256, secret, salt, encoder.encode(`multifleet/v1/${purpose}/gate-id`), 8);
  const keyed = hmac.create(
    sha256,
    hkdf(sha256, secret, salt, encoder.encode(`multifleet/v1/${purpose}/mac`), 32),
  );
  // The clone keeps the two key blocks hashed: half the work for a small packet.
  return {
    id,
    kinds,
    mac: (...parts) => parts.reduce((state, part) => state.update(part), keyed.clone()).digest(),
  };
}

/** Whether two byte strings are equal, in a time that does not tell where they differ. */
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && timingSafeEqual(a, b);
}
