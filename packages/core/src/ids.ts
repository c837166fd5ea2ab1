import { randomBytes } from "node:crypto";

declare const brand: unique symbol;
type Branded<Name extends string> = string & { readonly [brand]: Name };

/**
 * A node's name: one lower-case DNS label (RFC 1123: 1 to 63 of a-z, 0-9 and inner hyphens). Checked once, at the edge,
 * and safe from then on as a NATS subject token, a path, a git ref and a host name. Not a name are `all`, which addresses
 * every node, and what Windows takes for a device: `con`, `prn`, `aux`, `nul`, `com0` to `com9`, `lpt0` to `lpt9`.
 */
export type NodeId = Branded<"NodeId">;
/**
 * A packet's name, unique at its sender: 1 to 64 of A-Z, a-z, 0-9, `_` and `-`, beginning with a letter or a digit.
 * It leads out of no directory, but two of them may differ in case alone: not a file name by itself.
 */
export type PacketId = Branded<"PacketId">;
/** A fleet's name, made when the fleet is created: the same form as a {@link NodeId}. */
export type FleetId = Branded<"FleetId">;

const label = /^(?!(?:all|con|prn|aux|nul|com\d|lpt\d)$)[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;
const packetName = /^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/;

/** Whether `text` may name a node. */
export function isNodeId(text: unknown): text is NodeId {
  return typeof text === "string" && label.test(text);
}

/** Whether `text` may name a fleet. */
export function isFleetId(text: unknown): text is FleetId {
  return typeof text === "string" && label.test(text);
}

/** Whether `text` may name a packet. */
export function isPacketId(text: unknown): text is PacketId {
  return typeof text === "string" && packetName.test(text);
}

/** Checks a node name that the program itself supplies. @throws TypeError when it is not one. */
export function nodeId(text: string): NodeId {
  if (isNodeId(text)) return text;
  throw new TypeError(
    `${JSON.stringify(text)} is not a node name: use 1 to 63 of a-z, 0-9 and inner hyphens, such as "mac2"; "all" and Windows' device names are taken`,
  );
}

/** Checks a fleet name that the program itself supplies. @throws TypeError when it is not one. */
export function fleetId(text: string): FleetId {
  if (isFleetId(text)) return text;
  throw new TypeError(
    `${JSON.stringify(text)} is not a fleet name: use 1 to 63 of a-z, 0-9 and inner hyphens; "all" and Windows' device names are taken`,
  );
}

/** Checks a packet name that the program itself supplies. @throws TypeError when it is not one. */
export function packetId(text: string): PacketId {
  if (isPacketId(text)) return text;
  throw new TypeError(
    `${JSON.stringify(text)} is not a packet id: use 1 to 64 of A-Z, a-z, 0-9, "_" and "-", beginning with a letter or a digit`,
  );
}

const alphabet = "0123456789abcdefghjkmnpqrstvwxyz";

/** A new packet id: 26 characters of Crockford's base 32 in lower case, 48 bits of time in milliseconds, then 80 random bits. */
export function newPacketId(now: number): PacketId {
  let time = now;
  let text = "";
  for (let i = 0; i < 10; i++) {
    text = alphabet.charAt(time % 32) + text;
    time = Math.floor(time / 32);
  }
  for (const byte of randomBytes(16)) text += alphabet.charAt(byte & 31);
  return text as PacketId;
}
