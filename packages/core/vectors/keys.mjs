// Keys that everybody knows: those of the test vectors.
import { createHash, createPrivateKey, createPublicKey } from "node:crypto";
import { fleetGate, invitationGate, signer } from "@multifleet/core";

/** Bytes after the signed part of a packet. */
export const trailer = 64 + 8 + 32;

export const fleetSecret = Buffer.from("multi-fleet test vector: secret!");
export const invitationSecret = Buffer.from("vector invitatio");
export const gates = { fleet: fleetGate(fleetSecret), invitation: invitationGate(invitationSecret) };

export const nodes = Object.fromEntries(["mac1", "mac2", "mac3"].map((name) => [name, node(name)]));

/** @param {string} name */
function node(name) {
  const seed = createHash("sha256").update(`multi-fleet test vector: ${name}`).digest();
  const der = Buffer.concat([Buffer.from("302e020100300506032b657004220420", "hex"), seed]);
  const privateKey = createPrivateKey({ key: der, format: "der", type: "pkcs8" });
  const publicKey = createPublicKey(privateKey).export({ format: "der", type: "spki" }).subarray(-32);
  const keys = { publicKey: publicKey.toString("base64url"), privateKey: seed.toString("base64url") };
  return { seed: hex(seed), publicKey: hex(publicKey), signer: signer(keys) };
}

/**
 * Signs as the node of that name.
 * @param {string} name
 */
export function by(name) {
  const found = nodes[name];
  if (found === undefined) throw new TypeError(`there is no ${name}`);
  return found.signer;
}

/** @param {Uint8Array} bytes */
export function hex(bytes) {
  return Buffer.from(bytes).toString("hex");
}
