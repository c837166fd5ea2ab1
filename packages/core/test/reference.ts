import {
  createHash,
  createHmac,
  createPrivateKey,
  createPublicKey,
  hkdfSync,
  sign,
  timingSafeEqual,
  verify,
} from "node:crypto";

/*
 * The protocol once more, written from docs/protocol.md with node:crypto alone and sharing no code with the library: what the
 * library is compared with. It reads what is valid; it does not tell one fault from another.
 */

/** Which secret, and for what. */
export interface Door {
  readonly purpose: "fleet" | "invitation";
  readonly secret: Uint8Array;
}

const trailer = 64 + 8 + 32;

function derive({ purpose, secret }: Door, use: "gate-id" | "mac", length: number): Buffer {
  return Buffer.from(hkdfSync("sha256", secret, "multifleet", `multifleet/v1/${purpose}/${use}`, length));
}

/** SHA-256 of the signed part under its domain. */
export function digest(signed: Uint8Array): Buffer {
  return createHash("sha256").update("multifleet/v1/packet-digest\0").update(signed).digest();
}

function toBeSigned(signed: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from("multifleet/v1/packet-signature\0"), digest(signed)]);
}

function mac(door: Door, allButMac: Uint8Array): Buffer {
  return createHmac("sha256", derive(door, "mac", 32))
    .update("multifleet/v1/packet-mac\0")
    .update(allButMac)
    .digest();
}

/** The 32 bytes of the public key that belongs to a seed (RFC 8032). */
export function publicKey(seed: Uint8Array): Buffer {
  return createPublicKey(privateKey(seed)).export({ format: "der", type: "spki" }).subarray(-32);
}

function privateKey(seed: Uint8Array) {
  const key = Buffer.concat([Buffer.from("302e020100300506032b657004220420", "hex"), seed]);
  return createPrivateKey({ key, format: "der", type: "pkcs8" });
}

/** Seals signed bytes, whether or not they are a packet. */
export function sealBytes(signed: Uint8Array, seed: Uint8Array, door: Door): Buffer {
  const signature = sign(null, toBeSigned(signed), privateKey(seed));
  const allButMac = Buffer.concat([signed, signature, derive(door, "gate-id", 8)]);
  return Buffer.concat([allButMac, mac(door, allButMac)]);
}

/** The fields of a sealed packet, numbers as bigint, when its MAC, signature and lengths are right. */
export function readSealed(bytes: Buffer, key: Uint8Array, door: Door) {
  const signed = bytes.subarray(0, -trailer);
  const spki = Buffer.concat([Buffer.from("302a300506032b6570032100", "hex"), key]);
  const genuine =
    timingSafeEqual(mac(door, bytes.subarray(0, -32)), bytes.subarray(-32)) &&
    bytes.subarray(-40, -32).equals(derive(door, "gate-id", 8)) &&
    verify(
      null,
      toBeSigned(signed),
      createPublicKey({ key: spki, format: "der", type: "spki" }),
      bytes.subarray(-trailer, -40),
    );
  if (!genuine || signed.toString("latin1", 0, 4) !== "MFLT" || signed[4] !== 1) return undefined;
  const kinds = ["", "message", "notice", "receipt", "hello", "probe", "join", "welcome", "relay"];
  const flags = signed.readUInt16BE(6);
  let at = 68;
  const next = (width: 2 | 4) => {
    const start = at + width;
    at = start + signed.readUIntBE(at, width);
    return signed.subarray(start, at);
  };
  const text = () => next(2).toString("utf8");
  const fields = {
    kind: kinds[signed.readUInt8(5)],
    encrypted: (flags & 1) === 1,
    idempotent: (flags & 2) === 2,
    stream: signed.subarray(12, 28).toString("hex"),
    seq: signed.readBigUInt64BE(28),
    base: signed.readBigUInt64BE(36),
    prev: signed.readBigUInt64BE(44),
    created: signed.readBigUInt64BE(52),
    expires: signed.readBigUInt64BE(60),
    fleet: text(),
    from: text(),
    to: text(),
    id: text(),
    type: text(),
    session: text(),
    toSession: text(),
    replyTo: text(),
    key: text(),
    body: next(4).toString("hex"),
  };
  return at === signed.length && signed.readUInt32BE(8) === bytes.length && flags < 4 ? fields : undefined;
}
