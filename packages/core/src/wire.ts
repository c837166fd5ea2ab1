import { isFleetId, isNodeId, isPacketId, type FleetId, type NodeId, type PacketId } from "./ids.js";
import { maxFieldBytes, maxPacketBytes } from "./limits.js";
import { kindBytes, type Packet, type PacketKind } from "./packet.js";

/*
 * Version 1 of a sealed packet, all numbers big-endian:
 *
 *   4  "MFLT"                1  version      1  kind      2  flags (1 encrypted, 2 idempotent)
 *   4  length of it all      16 stream
 *   8  seq   8  base   8  prev   8  created, ms   8  expires, ms
 *   then nine texts, each 2 bytes of length and UTF-8: fleet, from, to, id, type, session, toSession, replyTo, key
 *   4  length of the body, and the body
 *   64 Ed25519 signature     8  gate id      32 HMAC-SHA256
 *
 * docs/protocol.md says the same for other languages, vectors/packets.json shows it.
 */
const magic = 0x4d464c54;
/** The version this library writes, and the only one it reads. */
export const packetVersion = 1;
/** Bytes after the signed part: signature, gate id, HMAC. */
export const trailerBytes = 64 + 8 + 32;
const streamAt = 12;
const numbersAt = 28;
const textsAt = 68;
const texts = 9;
const smallest = textsAt + texts * 2 + 4 + trailerBytes;
const flagEncrypted = 1;
const flagIdempotent = 2;

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const kindOf = new Map(Object.entries(kindBytes).map(([kind, byte]) => [byte, kind as PacketKind]));
const typeName = /^[a-z][a-z0-9_.-]{0,31}$/;
// oxlint-disable-next-line no-control-regex -- control characters are what it looks for
const controls = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/;

/** Why bytes are not a packet that this version can read. */
export type WireError = "TOO_LARGE" | "MALFORMED" | "VERSION" | "KIND";

/** Whether `text` may name a session or an ordering key: at most 256 bytes of well-formed text without control characters. */
export function isField(text: unknown): text is string {
  return (
    typeof text === "string" &&
    Buffer.byteLength(text) <= maxFieldBytes &&
    text.isWellFormed() &&
    !controls.test(text)
  );
}

/** Whether `text` may be a packet's type: a lower-case letter, then at most 31 of a-z, 0-9, `_`, `.` and `-`. */
export function isTypeName(text: unknown): text is string {
  return typeof text === "string" && typeName.test(text);
}

/**
 * The signed part of a packet, with {@link trailerBytes} of room after it for the seal.
 * @throws TypeError when a field is out of its range: the program's mistake, never the user's.
 */
export function encodePacket(packet: Packet): Uint8Array {
  const wrong = fault(packet);
  if (wrong !== undefined) throw new TypeError(`packet.${wrong} is out of its range`);
  const { fleet, from, to, id, type, session, toSession, replyTo, key, body } = packet;
  const written = [fleet, from, to, id, type, session, toSession, replyTo, key];
  let total = textsAt + 4 + body.length + trailerBytes;
  for (const text of written) total += 2 + Buffer.byteLength(text);
  if (total > maxPacketBytes)
    throw new TypeError(`a packet of ${total} bytes is over the limit of ${maxPacketBytes}`);
  const bytes = new Uint8Array(total);
  const buffer = bufferOver(bytes);
  buffer.writeUInt32BE(magic, 0);
  buffer.writeUInt8(packetVersion, 4);
  buffer.writeUInt8(kindBytes[packet.kind], 5);
  buffer.writeUInt16BE((packet.encrypted ? flagEncrypted : 0) | (packet.idempotent ? flagIdempotent : 0), 6);
  buffer.writeUInt32BE(total, 8);
  bytes.set(packet.stream, streamAt);
  let at = numbersAt;
  for (const number of [packet.seq, packet.base, packet.prev, packet.created, packet.expires]) {
    buffer.writeUInt32BE(Math.floor(number / 2 ** 32), at);
    buffer.writeUInt32BE(number % 2 ** 32, at + 4);
    at += 8;
  }
  for (const text of written) {
    const length = buffer.write(text, at + 2);
    buffer.writeUInt16BE(length, at);
    at += 2 + length;
  }
  buffer.writeUInt32BE(body.length, at);
  bytes.set(body, at + 4);
  return bytes;
}

/** What is wrong with sealed bytes as far as can be told before any key is used: size, magic, version, stated length. Never throws. */
export function frameFault(bytes: Uint8Array): Exclude<WireError, "KIND"> | undefined {
  if (bytes.length > maxPacketBytes) return "TOO_LARGE";
  const buffer = bufferOver(bytes);
  if (buffer.length < 5 || buffer.readUInt32BE(0) !== magic) return "MALFORMED";
  // What follows the version is that version's own affair.
  if (buffer[4] !== packetVersion) return "VERSION";
  return buffer.length < smallest || buffer.readUInt32BE(8) !== buffer.length ? "MALFORMED" : undefined;
}

/**
 * Reads sealed bytes whose MAC was checked. What it gives shares no memory with `bytes`, and is a packet that {@link encodePacket}
 * turns into the same signed bytes: there is one way to write each packet. Never throws.
 */
export function decodePacket(bytes: Uint8Array): Packet | WireError {
  const wrong = frameFault(bytes);
  if (wrong !== undefined) return wrong;
  const buffer = bufferOver(bytes);
  const kind = kindOf.get(buffer.readUInt8(5));
  if (kind === undefined) return "KIND";
  const flags = buffer.readUInt16BE(6);
  if (flags > (flagEncrypted | flagIdempotent)) return "MALFORMED";
  const end = buffer.length - trailerBytes;
  const read: string[] = [];
  let at = textsAt;
  while (read.length < texts) {
    const from = at + 2;
    if (from > end) return "MALFORMED";
    at = from + buffer.readUInt16BE(at);
    const text = at > end ? undefined : decodeText(buffer.subarray(from, at));
    if (text === undefined) return "MALFORMED";
    read.push(text);
  }
  if (at + 4 > end || at + 4 + buffer.readUInt32BE(at) !== end) return "MALFORMED";
  const packet: Packet = {
    kind,
    // fault() looks at every text below; until then they are what the sender claims.
    fleet: read[0] as FleetId,
    from: read[1] as NodeId,
    to: read[2] as NodeId,
    id: read[3] as PacketId,
    type: read[4] ?? "",
    session: read[5] ?? "",
    toSession: read[6] ?? "",
    replyTo: read[7] as PacketId | "",
    key: read[8] ?? "",
    stream: new Uint8Array(buffer.subarray(streamAt, numbersAt)),
    seq: readNumber(buffer, numbersAt),
    base: readNumber(buffer, numbersAt + 8),
    prev: readNumber(buffer, numbersAt + 16),
    created: readNumber(buffer, numbersAt + 24),
    expires: readNumber(buffer, numbersAt + 32),
    idempotent: (flags & flagIdempotent) !== 0,
    encrypted: (flags & flagEncrypted) !== 0,
    body: new Uint8Array(buffer.subarray(at + 4, end)),
  };
  return fault(packet) === undefined ? packet : "MALFORMED";
}

/** UTF-8 as text, byte order marks included, or undefined where it is not well-formed. */
export function decodeText(bytes: Uint8Array): string | undefined {
  try {
    return decoder.decode(bytes);
  } catch {
    return undefined;
  }
}

/** The first field that is out of its range: one rule for what is written and what is read. */
function fault(packet: Packet): keyof Packet | undefined {
  const { kind, seq, base, prev, created, expires } = packet;
  if (!Object.hasOwn(kindBytes, kind)) return "kind";
  if (!isCount(seq)) return "seq";
  if (!isCount(base)) return "base";
  if (!isCount(prev)) return "prev";
  if (!isCount(created)) return "created";
  if (!isCount(expires)) return "expires";
  if (packet.stream.length !== numbersAt - streamAt) return "stream";
  if (!isFleetId(packet.fleet)) return "fleet";
  if (!isNodeId(packet.from)) return "from";
  if (!isNodeId(packet.to)) return "to";
  if (!isPacketId(packet.id)) return "id";
  if (!isTypeName(packet.type)) return "type";
  if (packet.replyTo !== "" && !isPacketId(packet.replyTo)) return "replyTo";
  if (!isField(packet.session)) return "session";
  if (!isField(packet.toSession)) return "toSession";
  if (!isField(packet.key)) return "key";
  const numbered = kind === "message" || kind === "notice";
  if (numbered !== seq > 0) return "seq";
  if (numbered ? prev >= seq : prev > 0) return "prev";
  return numbered && base > seq ? "base" : undefined;
}

function isCount(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}

function readNumber(buffer: Buffer, at: number): number {
  // From 2^53 on the sum may be rounded, but never to a safe integer: fault() refuses it.
  return buffer.readUInt32BE(at) * 2 ** 32 + buffer.readUInt32BE(at + 4);
}

function bufferOver(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
