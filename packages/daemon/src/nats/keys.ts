import { createPrivateKey, createPublicKey, hkdfSync } from "node:crypto";

/** What members of a fleet log in with at each other's servers. Each is of the fleet's secret, so that none has to be carried about. */
export interface ServerKeys {
  /** Of all clients: the nkey that a server lets in, and the seed that proves it. The seed never leaves a client. */
  readonly client: { readonly publicKey: string; readonly seed: string };
  /** What the servers of one cluster tell each other. */
  readonly route: string;
  /** What a leaf tells its hub. */
  readonly leaf: string;
}

/** The one name that stands beside the passwords of routes and leaves. */
export const serverUser = "multifleet";

/** @param secret The fleet's secret, 32 bytes in base64url. */
export function serverKeys(secret: string): ServerKeys {
  const password = (purpose: string) => derive(secret, purpose).toString("base64url");
  return { client: userKey(derive(secret, "client")), route: password("route"), leaf: password("leaf") };
}

/** HKDF (RFC 5869), one info per purpose: a key that leaks in one use is worth nothing in another. */
function derive(secret: string, purpose: string): Buffer {
  const info = `multifleet/v1/nats/${purpose}`;
  return Buffer.from(hkdfSync("sha256", Buffer.from(secret, "base64url"), "multifleet", info, 32));
}

/** DER of an Ed25519 private key (RFC 8410) up to its 32 bytes. */
const pkcs8 = Buffer.from("302e020100300506032b657004220420", "hex");

/** NATS marks a key's kind by a first letter, which is five bits: `U` for a user, `S` before it for a seed. */
const user = 20 << 3;
const seedOf = 18 << 3;

/** An Ed25519 key in the encoding of NATS (nkeys): kind, key, CRC-16, in base32. */
function userKey(secret: Buffer): ServerKeys["client"] {
  const key = createPrivateKey({ key: Buffer.concat([pkcs8, secret]), format: "der", type: "pkcs8" });
  const { x = "" } = createPublicKey(key).export({ format: "jwk" });
  return {
    publicKey: encode(Buffer.concat([Buffer.of(user), Buffer.from(x, "base64url")])),
    seed: encode(Buffer.concat([Buffer.of(seedOf | (user >> 5), (user & 31) << 3), secret])),
  };
}

function encode(bytes: Buffer): string {
  const check = Buffer.alloc(2);
  check.writeUInt16LE(crc16(bytes));
  return base32(Buffer.concat([bytes, check]));
}

/** CRC-16/XMODEM. */
function crc16(bytes: Uint8Array): number {
  let crc = 0;
  for (const byte of bytes) {
    crc ^= byte << 8;
    for (let bit = 0; bit < 8; bit++) crc = ((crc & 0x8000) === 0 ? crc << 1 : (crc << 1) ^ 0x1021) & 0xffff;
  }
  return crc;
}

/** RFC 4648, without padding. */
function base32(bytes: Uint8Array): string {
  let text = "";
  let [bits, held] = [0, 0];
  for (const byte of bytes) {
    held = ((held << 8) | byte) & 0xffff;
    for (bits += 8; bits >= 5; bits -= 5) text += letters[(held >> (bits - 5)) & 31];
  }
  return bits > 0 ? text + letters[(held << (5 - bits)) & 31] : text;
}

const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
