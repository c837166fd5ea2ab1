import { isFleetId, isNodeId, isPacketId } from "./ids.js";
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
const numbersAt = 28;
const textsAt = 68;
const smallest = textsAt + 9 * 2 + 4 + trailerBytes;
const flagEncrypted = 1;
const flagIdempotent = 2;

const encoder = new TextEncoder();
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
    text.isWellFormed() &&
    !controls.test(text) &&
    encoder.encode(text).length <= maxFieldBytes
  );
}

/** Whether `text` may be a packet's type: a lower-case letter, then at most 31 of a-z, 0-9, `_`, `.` and `-`. */
export function isTypeName(text: unknown): text is string {
  return typeof text === "string" && typeName.test(text);
}

/** The signed part of a packet. @throws TypeError when a field is out of its range: the program's mistake, never the user's. */
export function encodePacket(packet: Packet): Uint8Array {
  const { fleet, from, to, id, type, session, toSession, replyTo, key, body } = packet;
  const wrong = fault(packet);
  if (wrong !== undefined) throw new TypeError(`packet.${wrong} is out of its range`);
  const texts = [fleet, from, to, id, type, session, toSession, replyTo, key].map((text) =>
    encoder.encode(text),
  );
  const length = texts.reduce((sum, text) => sum + 2 + text.length, textsAt + 4 + body.length);
  const total = length + trailerBytes;
  if (total > maxPacketBytes)
    throw new TypeError(`a packet of ${total} bytes is over the limit of ${maxPacketBytes}`);
  const bytes = new Uint8Array(length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, magic);
  view.setUint8(4, packetVersion);
  view.setUint8(5, kindBytes[packet.kind]);
  view.setUint16(6, (packet.encrypted ? flagEncrypted : 0) | (packet.idempotent ? flagIdempotent : 0));
  view.setUint32(8, total);
  bytes.set(packet.stream, 12);
  [packet.seq, packet.base, packet.prev, packet.created, packet.expires].forEach((value, i) =>
    view.setBigUint64(numbersAt + 8 * i, BigInt(value)),
  );
  let at = textsAt;
  for (const text of texts) {
    view.setUint16(at, text.length);
    bytes.set(text, at + 2);
    at += 2 + text.length;
  }
  view.setUint32(at, body.length);
  bytes.set(body, at + 4);
  return bytes;
}

/** What can be told of sealed bytes before any key is used: their size, magic, version, kind and stated length. Never throws. */
export function inspect(bytes: Uint8Array): PacketKind | WireError {
  if (bytes.length > maxPacketBytes) return "TOO_LARGE";
  if (bytes.length < smallest) return "MALFORMED";
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.getUint32(0) !== magic) return "MALFORMED";
  if (view.getUint8(4) !== packetVersion) return "VERSION";
  if (view.getUint32(8) !== bytes.length) return "MALFORMED";
  return kindOf.get(view.getUint8(5)) ?? "KIND";
}

/** Reads sealed bytes whose seal was checked. Exactly one packet gives these bytes, or they are malformed. Never throws. */
export function decodePacket(bytes: Uint8Array): Packet | WireError {
  const kind = inspect(bytes);
  if (kind === "TOO_LARGE" || kind === "MALFORMED" || kind === "VERSION" || kind === "KIND") return kind;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const end = bytes.length - trailerBytes;
  const flags = view.getUint16(6);
  if (flags > (flagEncrypted | flagIdempotent)) return "MALFORMED";
  const number = (i: number) => Number(view.getBigUint64(numbersAt + 8 * i));
  const texts: string[] = [];
  let at = textsAt;
  for (let i = 0; i < 9; i++) {
    const from = at + 2;
    if (from > end) return "MALFORMED";
    at = from + view.getUint16(at);
    if (at > end) return "MALFORMED";
    const text = decodeText(bytes.subarray(from, at));
    if (text === undefined) return "MALFORMED";
    texts.push(text);
  }
  if (at + 4 > end || at + 4 + view.getUint32(at) !== end) return "MALFORMED";
  const [
    fleet = "",
    from = "",
    to = "",
    id = "",
    type = "",
    session = "",
    toSession = "",
    replyTo = "",
    key = "",
  ] = texts;
  const packet = {
    ...{ kind, fleet, from, to, id, type, session, toSession, replyTo, key },
    ...{ seq: number(0), base: number(1), prev: number(2), created: number(3), expires: number(4) },
    stream: bytes.slice(12, 28),
    encrypted: (flags & flagEncrypted) !== 0,
    idempotent: (flags & flagIdempotent) !== 0,
    body: bytes.slice(at + 4, end),
  } as Packet;
  return fault(packet) === undefined ? packet : "MALFORMED";
}

/** UTF-8 as text, or undefined where it is not well-formed. */
export function decodeText(bytes: Uint8Array): string | undefined {
  try {
    return decoder.decode(bytes);
  } catch {
    return undefined;
  }
}

/** The first field that is out of its range: one rule for what is written and what is read. */
function fault(packet: Packet): keyof Packet | undefined {
  for (const name of ["seq", "base", "prev", "created", "expires"] as const) {
    if (!Number.isSafeInteger(packet[name]) || packet[name] < 0) return name;
  }
  if (packet.stream.length !== 16) return "stream";
  if (!isFleetId(packet.fleet)) return "fleet";
  if (!isNodeId(packet.from)) return "from";
  if (!isNodeId(packet.to)) return "to";
  if (!isPacketId(packet.id)) return "id";
  if (!isTypeName(packet.type)) return "type";
  if (packet.replyTo !== "" && !isPacketId(packet.replyTo)) return "replyTo";
  for (const name of ["session", "toSession", "key"] as const) if (!isField(packet[name])) return name;
  const numbered = packet.kind === "message" || packet.kind === "notice";
  if (numbered !== packet.seq > 0 || packet.prev > packet.seq || (numbered && packet.base > packet.seq))
    return "seq";
  return undefined;
}
