import fc from "fast-check";
import { expect, test } from "vitest";
import {
  decodeReceipt,
  encodeReceipt,
  newPacketId,
  open,
  readReceipt,
  regate,
  seal,
  type Outcome,
  type Packet,
  type Receipt,
} from "../src/index.js";
import { gate, mac1, mac2, mac3, member, otherGate, packet, trust } from "./packets.js";

const [sender, receiver, other] = [member("mac1"), member("mac2"), member("mac3")];
const members = { mac1: sender.verifier, mac2: receiver.verifier, mac3: other.verifier };
/** As the sender opens what comes back. */
const belief = trust(members, { node: mac1 });

const message = packet();
const sent = seal(message, { gate, signer: sender.signer });
const expected = { id: message.id, to: message.to, digest: sent.digest };
const delivered: Receipt = { digest: sent.digest, outcome: "delivered", reason: "" };

function receipt(different: Partial<Packet> = {}, says: Receipt = delivered): Packet {
  const numbers = { seq: 0, base: 0, prev: 0 };
  return packet({
    kind: "receipt",
    from: mac2,
    to: mac1,
    ...numbers,
    body: encodeReceipt(says),
    ...different,
  });
}

function opened(bytes: Uint8Array): Packet {
  const result = open(bytes, belief);
  if (!result.ok) throw new Error(`refused: ${result.code}`);
  return result.packet;
}

test("the receiver's receipt for the packet's own bytes is read", () => {
  const answer = seal(receipt(), { gate, signer: receiver.signer });
  expect(readReceipt(opened(answer.bytes), expected)).toEqual(delivered);
});

test("a receipt fits a packet that was gated anew on its way", () => {
  const again = regate(sent.bytes, otherGate);
  const atReceiver = open(again, trust(members, { gates: [otherGate], node: mac2 }));
  expect(atReceiver).toMatchObject({ ok: true, digest: sent.digest });
});

test("a receipt for other bytes under the same id says nothing", () => {
  const twin = seal(packet({ body: new TextEncoder().encode("something else") }), {
    gate,
    signer: sender.signer,
  });
  const answer = receipt({}, { ...delivered, digest: twin.digest });
  expect(
    readReceipt(opened(seal(answer, { gate, signer: receiver.signer }).bytes), expected),
  ).toBeUndefined();
  expect(readReceipt(answer, { ...expected, digest: twin.digest })).toBeDefined();
});

test("a receipt is not read for another packet, nor from a node that was not asked", () => {
  expect(readReceipt(receipt({ id: newPacketId(0) }), expected)).toBeUndefined();
  expect(readReceipt(receipt(), { ...expected, id: newPacketId(0) })).toBeUndefined();
  const fromOther = seal(receipt({ from: mac3 }), { gate, signer: other.signer });
  expect(readReceipt(opened(fromOther.bytes), expected)).toBeUndefined();
});

test("a receipt forged by another member is refused by its signature", () => {
  for (const forger of [other, sender]) {
    const { bytes } = seal(receipt(), { gate, signer: forger.signer });
    expect(open(bytes, belief)).toEqual({ ok: false, code: "SIGNATURE" });
  }
});

test("a receipt replayed for a later packet says nothing", () => {
  const answer = opened(seal(receipt(), { gate, signer: receiver.signer }).bytes);
  const later = seal(packet({ seq: 4 }), { gate, signer: sender.signer });
  expect(readReceipt(answer, { ...expected, digest: later.digest })).toBeUndefined();
});

test("a message whose body looks like a receipt is none", () => {
  for (const kind of ["message", "notice"] as const) {
    const body = encodeReceipt(delivered);
    expect(readReceipt(packet({ kind, from: mac2, to: mac1, body }), expected)).toBeUndefined();
  }
  for (const kind of ["hello", "probe", "join", "welcome"] as const) {
    expect(readReceipt(receipt({ kind }), expected)).toBeUndefined();
  }
});

const digests = fc.uint8Array({ minLength: 32, maxLength: 32 });
const receipts: fc.Arbitrary<Receipt> = fc.oneof(
  fc.record({
    digest: digests,
    outcome: fc.constantFrom<Outcome>("delivered", "reached"),
    reason: fc.constant(""),
  }),
  fc.record({
    digest: digests,
    outcome: fc.constant<Outcome>("rejected"),
    reason: fc.stringMatching(/^[a-z][a-z_]{0,63}$/),
  }),
);

test("a receipt comes back as it went in", () => {
  fc.assert(
    fc.property(receipts, (says) => {
      expect(decodeReceipt(encodeReceipt(says))).toEqual(says);
    }),
  );
});

test("any body is read as a receipt that gives the same body, or not at all", () => {
  const tail = fc.oneof(fc.uint8Array({ maxLength: 70 }), fc.constantFrom("", "x", "expired").map(ascii));
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 33 }), fc.nat(4), tail, (head, outcome, reason) => {
      if (head.length === 33) head[32] = outcome;
      const body = new Uint8Array([...head, ...reason]);
      const read = decodeReceipt(body);
      if (read !== undefined) expect(encodeReceipt(read)).toEqual(body);
    }),
    { numRuns: 2_000 },
  );
});

function ascii(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

test("success has no reason, a rejection has one, and a reason is 1 to 64 of a-z and _", () => {
  const body = (outcome: number, reason: string) =>
    Buffer.concat([sent.digest, Buffer.from([outcome]), ascii(reason)]);
  for (const reason of ["not you", "OK!", "expired", "\u001b[2J", "\ufeff"]) {
    expect(decodeReceipt(body(1, reason)), reason).toBeUndefined();
    expect(decodeReceipt(body(3, reason)), reason).toBeUndefined();
  }
  for (const reason of ["", "_x", "Expired", "no way", "a".repeat(65), "é", "a\n", "a\u0000"]) {
    expect(decodeReceipt(body(2, reason)), reason).toBeUndefined();
    expect(() => encodeReceipt({ ...delivered, outcome: "rejected", reason })).toThrow(TypeError);
  }
  expect(decodeReceipt(body(2, "a".repeat(64)))).toBeDefined();
  for (const outcome of [0, 4, 255]) expect(decodeReceipt(body(outcome, ""))).toBeUndefined();
});

test("what could not be read again is not written", () => {
  expect(() => encodeReceipt({ ...delivered, reason: "fine" })).toThrow(TypeError);
  expect(() => encodeReceipt({ ...delivered, digest: new Uint8Array(31) })).toThrow(TypeError);
  expect(() => encodeReceipt({ ...delivered, digest: new Uint8Array(33) })).toThrow(TypeError);
  expect(() => encodeReceipt({ ...delivered, outcome: "surfaced" as Outcome })).toThrow(TypeError);
});

test("what was read shares no memory with the body", () => {
  const body = Buffer.from(encodeReceipt(delivered));
  const read = decodeReceipt(body);
  body.fill(0);
  expect(read).toEqual(delivered);
});
