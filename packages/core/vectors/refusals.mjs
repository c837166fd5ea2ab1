// The packets to be refused. They are put together by hand, as the library writes nothing that it would not read.
import { createHash } from "node:crypto";
import { fleetGate, packetId, regate, seal } from "@multifleet/core";
import { by, gates, hex, trailer } from "./keys.mjs";
import { message, unnumbered } from "./message.mjs";

const otherSecret = Buffer.from("multi-fleet test vector: another");

/** Each with the code that it is refused with. */
export function refusals() {
  const { bytes: sealed } = seal(message, { gate: gates.fleet, signer: by("mac1") });
  const bytes = Buffer.from(sealed);
  // What is put together below must differ from a good packet in what it is named for, and in nothing else.
  if (!bytes.equals(raw({}))) throw new Error("the writer of raw packets writes no good ones");
  const other = seal({ ...message, id: packetId("other") }, { gate: gates.fleet, signer: by("mac1") }).bytes;
  return [
    {
      name: "one byte over the limit",
      code: "TOO_LARGE",
      sealed: hex(bytes.subarray(0, 12)),
      padTo: 786_433,
    },
    refused("nothing", "MALFORMED", Buffer.alloc(0)),
    refused("another magic", "MALFORMED", set(bytes, 0, 0x6d)),
    refused("the last byte is missing", "MALFORMED", bytes.subarray(0, -1)),
    refused("a byte too many", "MALFORMED", Buffer.concat([bytes, Buffer.alloc(1)])),
    refused("another stated length", "MALFORMED", set(bytes, 11, (bytes[11] ?? 0) ^ 1)),
    refused("version 2", "VERSION", set(bytes, 4, 2)),
    refused("version 2, of which nothing else is known", "VERSION", Buffer.from("4d464c5402", "hex")),

    refused("a bit of the MAC flipped", "GATE", set(bytes, bytes.length - 1, (bytes.at(-1) ?? 0) ^ 1)),
    refused("a bit of the body flipped", "GATE", set(bytes, bytes.length - trailer - 1, 0x64)),
    refused("a gate id that nobody knows", "GATE", set(bytes, bytes.length - 40, (bytes.at(-40) ?? 0) ^ 1)),
    refused("another fleet secret", "GATE", regate(bytes, fleetGate(otherSecret))),
    refused("a message through the invitation's gate", "GATE", regate(bytes, gates.invitation)),
    refused("a join through the fleet's gate", "GATE", raw({ ...unnumbered, kind: 6 })),
    refused("an unknown kind, and a wrong MAC", "GATE", set(bytes, 5, 99)),

    refused("an unknown kind", "KIND", raw({ kind: 99 })),
    refused("an unknown flag", "MALFORMED", raw({ flags: 4 })),
    refused("seq is 2^53", "MALFORMED", raw({ seq: 2n ** 53n })),
    refused("created is 2^53 + 1", "MALFORMED", raw({ created: 2n ** 53n + 1n })),
    refused("expires is 2^64 - 1", "MALFORMED", raw({ expires: 2n ** 64n - 1n })),
    refused("a message without a number", "MALFORMED", raw({ seq: 0, base: 0 })),
    refused("a probe with a number", "MALFORMED", raw({ ...unnumbered, kind: 5, seq: 1 })),
    refused("a message that comes after itself", "MALFORMED", raw({ seq: 3, prev: 3 })),
    refused("a base above the number", "MALFORMED", raw({ seq: 3, base: 4 })),
    refused("an upper-case node", "MALFORMED", raw({ from: "Mac1" })),
    refused("a node that is called all", "MALFORMED", raw({ from: "all" })),
    refused("a fleet that is called nul", "MALFORMED", raw({ fleet: "nul" })),
    refused("an id that is a path", "MALFORMED", raw({ id: "../mac2" })),
    refused("an id of 65 characters", "MALFORMED", raw({ id: "i".repeat(65) })),
    refused("no id", "MALFORMED", raw({ id: "" })),
    refused("an upper-case type", "MALFORMED", raw({ type: "Task" })),
    refused("a type of 33 characters", "MALFORMED", raw({ type: "t".repeat(33) })),
    refused("a session of 257 bytes", "MALFORMED", raw({ session: `${"s".repeat(255)}é` })),
    refused("a key with NUL", "MALFORMED", raw({ key: "a\u0000b" })),
    refused("a key with an escape sequence", "MALFORMED", raw({ key: "\u001b[2J" })),
    refused("a key with a C1 control", "MALFORMED", raw({ key: "a\u009bb" })),
    refused("a key with a line separator", "MALFORMED", raw({ key: "a\u2028b" })),
    refused("a key that is no UTF-8", "MALFORMED", raw({ key: Buffer.from("ff", "hex") })),
    refused("a key with an overlong form", "MALFORMED", raw({ key: Buffer.from("c0af", "hex") })),
    refused("a key with a surrogate", "MALFORMED", raw({ key: Buffer.from("eda080", "hex") })),
    refused("a byte after the body", "MALFORMED", raw({ after: Buffer.alloc(1) })),

    refused("another fleet", "FLEET", raw({ fleet: "office" })),
    refused("another recipient", "RECIPIENT", raw({ to: "mac3" })),
    refused("a sender that is no member", "SENDER", raw({ from: "mac9" })),
    refused("signed by another member", "SIGNATURE", raw({}, "mac3")),
    refused("the signature of another packet", "SIGNATURE", signedAs(bytes, other)),
    refused(
      "a bit of the body flipped, and a right MAC",
      "SIGNATURE",
      regate(set(bytes, bytes.length - trailer - 1, 0x64), gates.fleet),
    ),
    refused(
      "S of the signature plus the order of the group",
      "SIGNATURE",
      regate(twinSignature(bytes), gates.fleet),
    ),
  ];
}

/**
 * @param {string} name
 * @param {string} code
 * @param {Uint8Array} sealed
 */
function refused(name, code, sealed) {
  return { name, code, sealed: hex(sealed) };
}

/**
 * The first message with fields that no library writes, under a genuine signature and MAC.
 * @param {Record<string, any>} different
 * @param {string} signedBy
 */
function raw(different, signedBy = "mac1") {
  const fields = { ...message, kind: 1, flags: 0, after: Buffer.alloc(0), ...different };
  const number = (/** @type {number | bigint} */ value, /** @type {number} */ width) => {
    const bytes = Buffer.alloc(8);
    bytes.writeBigUInt64BE(BigInt(value));
    return bytes.subarray(8 - width);
  };
  const measured = (/** @type {any} */ value, /** @type {number} */ width) => {
    const bytes = Buffer.from(value);
    return Buffer.concat([number(bytes.length, width), bytes]);
  };
  const { fleet, from, to, id, type, session, toSession, replyTo, key } = fields;
  const rest = Buffer.concat([
    fields.stream,
    ...[fields.seq, fields.base, fields.prev, fields.created, fields.expires].map((value) =>
      number(value, 8),
    ),
    ...[fleet, from, to, id, type, session, toSession, replyTo, key].map((text) => measured(text, 2)),
    measured(fields.body, 4),
    fields.after,
  ]);
  const signed = Buffer.concat([
    Buffer.from("MFLT"),
    Buffer.from([1, fields.kind]),
    number(fields.flags, 2),
    number(12 + rest.length + trailer, 4),
    rest,
  ]);
  const digest = createHash("sha256").update("multifleet/v1/packet-digest\0").update(signed).digest();
  const signature = by(signedBy).sign(
    Buffer.concat([Buffer.from("multifleet/v1/packet-signature\0"), digest]),
  );
  return regate(Buffer.concat([signed, signature, Buffer.alloc(40)]), gates.fleet);
}

/**
 * @param {Buffer} bytes
 * @param {number} at
 * @param {number} value
 */
function set(bytes, at, value) {
  const copy = Buffer.from(bytes);
  copy[at] = value;
  return copy;
}

/**
 * @param {Buffer} bytes
 * @param {Uint8Array} other
 */
function signedAs(bytes, other) {
  return regate(Buffer.concat([bytes.subarray(0, -trailer), other.subarray(-trailer)]), gates.fleet);
}

/** @param {Buffer} bytes */
function twinSignature(bytes) {
  const copy = Buffer.from(bytes);
  const s = copy.subarray(-72, -40).reverse();
  const order = 2n ** 252n + 27742317777372353535851937790883648493n;
  s.set(Buffer.from((BigInt(`0x${s.toString("hex")}`) + order).toString(16).padStart(64, "0"), "hex"));
  s.reverse();
  return copy;
}
