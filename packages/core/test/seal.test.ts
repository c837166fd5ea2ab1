import { createPrivateKey, sign } from "node:crypto";
import fc from "fast-check";
import { expect, test } from "vitest";
import {
  encodeContent,
  fleetGate,
  fleetId,
  nodeId,
  open,
  regate,
  seal,
  type Opened,
  type Packet,
  type Signer,
  type Trust,
} from "../src/index.js";
import { encodePacket, trailerBytes } from "../src/wire.js";
import {
  anyPacket,
  doorbell,
  fleetSecret,
  gate,
  kinds,
  mac1,
  mac2,
  member,
  otherGate,
  packet,
  trust,
  withRaw,
} from "./packets.js";
import { digest, readSealed, sealBytes } from "./reference.js";

const [alice, bob, stranger] = [member("mac1"), member("mac3"), member("mac1")];
const members = { mac1: alice.verifier, mac3: bob.verifier };
const belief = trust(members);
const sealed = seal(packet(), { gate, signer: alice.signer });
const code = (opened: Opened) => (opened.ok ? "accepted" : opened.code);

/** As whoever holds the fleet's secret, but not the sender's key, could change a packet. */
function changedInside(bytes: Uint8Array, change: (bytes: Buffer) => void): Uint8Array {
  const copy = Buffer.from(bytes);
  change(copy);
  return regate(copy, gate);
}

/** A genuine seal of mac1 around bytes that no honest writer makes. */
const sealRaw = (bytes: Uint8Array) =>
  sealBytes(bytes.subarray(0, -trailerBytes), alice.seed, { purpose: "fleet", secret: fleetSecret });

test("any packet that is sealed is opened as it was, with the digest its receipt must name", () => {
  fc.assert(
    fc.property(anyPacket, (sent) => {
      const door = gate.kinds.includes(sent.kind) ? gate : doorbell;
      const { bytes, digest: told } = seal(sent, { gate: door, signer: alice.signer });
      const opened = open(bytes, {
        fleet: sent.fleet,
        node: sent.to,
        gate: () => door,
        key: () => alice.verifier,
      });
      expect(opened).toEqual({ ok: true, packet: sent, digest: told });
      expect(Buffer.from(told)).toEqual(digest(bytes.subarray(0, -trailerBytes)));
    }),
    { numRuns: 300 },
  );
});

test("a second implementation reads what the library seals, and the library opens what the second one seals", () => {
  fc.assert(
    fc.property(
      anyPacket.filter(({ kind }) => gate.kinds.includes(kind)),
      (sent) => {
        const { bytes } = seal(sent, { gate, signer: alice.signer });
        const door = { purpose: "fleet", secret: fleetSecret } as const;
        const key = Buffer.from(alice.signer.publicKey, "base64url");
        const { stream, body, seq, base, prev, created, expires, ...same } = sent;
        expect(readSealed(Buffer.from(bytes), key, door)).toEqual({
          ...same,
          stream: Buffer.from(stream).toString("hex"),
          body: Buffer.from(body).toString("hex"),
          seq: BigInt(seq),
          base: BigInt(base),
          prev: BigInt(prev),
          created: BigInt(created),
          expires: BigInt(expires),
        });
        expect(new Uint8Array(sealRaw(bytes))).toEqual(bytes);
      },
    ),
    { numRuns: 200 },
  );
});

const oneKilobyte = seal(packet({ body: encodeContent({ subject: "deploy", body: "x".repeat(1_024) }) }), {
  gate,
  signer: alice.signer,
});

test("a packet with any one bit flipped on its way is refused", () => {
  const { bytes } = oneKilobyte;
  expect(code(open(bytes, belief))).toBe("accepted");
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    const flipped = new Uint8Array(bytes);
    flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    expect(["MALFORMED", "VERSION", "GATE"], `bit ${bit}`).toContain(code(open(flipped, belief)));
  }
});

test("a packet with any one bit flipped by a thief of the fleet's secret is refused", () => {
  const { bytes } = oneKilobyte;
  for (let bit = 0; bit < (bytes.length - 40) * 8; bit++) {
    const flipped = changedInside(
      bytes,
      (copy) => (copy[bit >> 3] = (copy[bit >> 3] ?? 0) ^ (1 << (bit & 7))),
    );
    expect(code(open(flipped, belief)), `bit ${bit}`).not.toBe("accepted");
  }
});

test("a packet for another node is refused, before anybody asks who sent it", () => {
  const asked: Packet[] = [];
  const mac3: Trust = {
    ...trust(members, { node: nodeId("mac3") }),
    key: (sent) => {
      asked.push(sent);
      return alice.verifier;
    },
  };
  expect(code(open(sealed.bytes, mac3))).toBe("RECIPIENT");
  expect(asked).toEqual([]);
});

test("a packet redirected to another node by a thief of the fleet's secret is refused there", () => {
  const redirected = regate(withRaw(sealed.bytes, "to", Buffer.from("mac3")), gate);
  expect(code(open(redirected, trust(members, { node: nodeId("mac3") })))).toBe("SIGNATURE");
});

test("a packet of another fleet is refused, even where both have one secret", () => {
  expect(code(open(sealed.bytes, trust(members, { fleet: fleetId("office") })))).toBe("FLEET");
  const moved = regate(withRaw(sealed.bytes, "fleet", Buffer.from("away")), gate);
  expect(code(open(moved, trust(members, { fleet: fleetId("away") })))).toBe("SIGNATURE");
});

test("a packet of a node that is no member is refused", () => {
  for (const name of ["mac9", "constructor", "hasownproperty"]) {
    const { bytes } = seal(packet({ from: nodeId(name) }), { gate, signer: stranger.signer });
    expect(code(open(bytes, belief))).toBe("SENDER");
  }
  expect(code(open(sealed.bytes, trust({})))).toBe("SENDER");
});

test("a member who signs as another is refused", () => {
  for (const thief of [bob, stranger]) {
    const { bytes } = seal(packet(), { gate, signer: thief.signer });
    expect(code(open(bytes, belief))).toBe("SIGNATURE");
  }
});

test("a signature or a whole trailer taken from another genuine packet is refused", () => {
  const other = seal(packet({ body: new TextEncoder().encode("push the  landing page") }), {
    gate,
    signer: alice.signer,
  });
  const trailerSwapped = Buffer.concat([
    sealed.bytes.subarray(0, -trailerBytes),
    other.bytes.subarray(-trailerBytes),
  ]);
  expect(code(open(trailerSwapped, belief))).toBe("GATE");
  expect(code(open(regate(trailerSwapped, gate), belief))).toBe("SIGNATURE");
});

test("a signature over the digest without its domain, or over the bytes themselves, is none", () => {
  const key = createPrivateKey({
    key: Buffer.concat([Buffer.from("302e020100300506032b657004220420", "hex"), alice.seed]),
    format: "der",
    type: "pkcs8",
  });
  for (const signed of [sealed.digest, sealed.bytes.subarray(0, -trailerBytes)]) {
    const forged = changedInside(sealed.bytes, (copy) =>
      copy.set(sign(null, signed, key), copy.length - trailerBytes),
    );
    expect(code(open(forged, belief))).toBe("SIGNATURE");
  }
});

test("a packet sealed with a secret that is not accepted is refused, and nothing of it is looked at", () => {
  const never: Trust = {
    ...belief,
    key: () => {
      throw new Error("asked for a key");
    },
  };
  const { bytes } = seal(packet({ from: nodeId("mac9") }), { gate: otherGate, signer: stranger.signer });
  expect(code(open(bytes, never))).toBe("GATE");
  // With the id of a secret that is accepted, too.
  const disguised = new Uint8Array(bytes);
  disguised.set(gate.id, disguised.length - 40);
  expect(code(open(disguised, never))).toBe("GATE");
  // An unknown kind without the secret is noise; with it, it is news of a newer version.
  const unknown = (copy: Buffer) => (copy[5] = 99);
  expect(code(open(changedInside(sealed.bytes, unknown), never))).toBe("KIND");
  const noise = Buffer.from(sealed.bytes);
  unknown(noise);
  expect(code(open(noise, never))).toBe("GATE");
});

test("what is no frame is refused before any secret is used", () => {
  const never: Trust = {
    ...belief,
    gate: () => {
      throw new Error("asked for a gate");
    },
  };
  expect(code(open(new Uint8Array(0), never))).toBe("MALFORMED");
  expect(code(open(new Uint8Array(2_000_000), never))).toBe("TOO_LARGE");
  expect(code(open(sealed.bytes.subarray(1), never))).toBe("MALFORMED");
  const newer = new Uint8Array(sealed.bytes);
  newer[4] = 2;
  expect(code(open(newer, never))).toBe("VERSION");
});

for (const kind of kinds) {
  const invited = kind === "join" || kind === "welcome";
  const [right, wrong] = invited ? [doorbell, gate] : [gate, doorbell];
  const numbers = kind === "message" || kind === "notice" ? {} : { seq: 0, prev: 0 };
  const sent = packet({ kind, ...numbers });
  const both = trust(members, { gates: [gate, doorbell] });

  test(`a ${kind} passes the ${right === gate ? "fleet's" : "invitation's"} gate, and only that`, () => {
    const { bytes } = seal(sent, { gate: right, signer: alice.signer });
    expect(code(open(bytes, both))).toBe("accepted");
    expect(() => seal(sent, { gate: wrong, signer: alice.signer })).toThrow(
      `a ${kind} does not pass this gate`,
    );
    // Signed by a member and with a MAC of a secret we know: the gate itself must refuse the kind.
    expect(code(open(regate(bytes, wrong), both))).toBe("GATE");
  });
}

test("after the secret changed, packets under way pass while both are accepted, and regated ones afterwards", () => {
  const next = fleetGate(new Uint8Array(32).fill(77));
  expect(code(open(sealed.bytes, trust(members, { gates: [next, gate] })))).toBe("accepted");
  expect(code(open(sealed.bytes, trust(members, { gates: [next] })))).toBe("GATE");
  const opened = open(regate(sealed.bytes, next), trust(members, { gates: [next] }));
  expect(opened).toEqual({ ok: true, packet: packet(), digest: sealed.digest });
});

test("gating anew leaves the given bytes alone, whatever class of bytes they are", () => {
  for (const bytes of [new Uint8Array(sealed.bytes), Buffer.from(sealed.bytes)]) {
    const again = regate(bytes, otherGate);
    expect(Buffer.compare(bytes, sealed.bytes)).toBe(0);
    expect(again.buffer).not.toBe(bytes.buffer);
    expect(Buffer.from(again.subarray(0, -40))).toEqual(Buffer.from(bytes.subarray(0, -40)));
  }
});

test("what was opened is not changed by what later happens to the bytes it came in", () => {
  const pool = Buffer.alloc(sealed.bytes.length + 200, 0x4d);
  pool.set(sealed.bytes, 100);
  const opened = open(pool.subarray(100, 100 + sealed.bytes.length), belief);
  pool.fill(0xff);
  expect(opened).toEqual({ ok: true, packet: packet(), digest: sealed.digest });
});

test("genuine seals around bytes that no packet has are refused as malformed", () => {
  const bytes = encodePacket(packet());
  expect(code(open(sealRaw(bytes), belief))).toBe("accepted");
  const malformed = [
    withRaw(bytes, "key", Buffer.from("a\u0000b")),
    withRaw(bytes, "session", Buffer.from([0xff])),
    withRaw(bytes, "id", Buffer.from("../../etc/passwd")),
    withRaw(bytes, "type", Buffer.from("Task")),
    withRaw(bytes, "replyTo", Buffer.from("-")),
  ];
  for (const raw of malformed) expect(code(open(sealRaw(raw), belief))).toBe("MALFORMED");
});

test("a packet whose fields are out of range is not sealed", () => {
  const signs: Signer = {
    publicKey: "",
    sign: () => {
      throw new Error("asked for a signature");
    },
  };
  expect(() => seal(packet({ seq: 0 }), { gate, signer: signs })).toThrow(TypeError);
  expect(() => seal(packet({ session: "\ud800" }), { gate, signer: signs })).toThrow(TypeError);
});

test("a node may write to itself", () => {
  const { bytes } = seal(packet({ to: mac1 }), { gate, signer: alice.signer });
  expect(code(open(bytes, trust(members, { node: mac1 })))).toBe("accepted");
  expect(code(open(bytes, trust(members, { node: mac2 })))).toBe("RECIPIENT");
});
