import { randomInt } from "node:crypto";
import { expect, test } from "vitest";
import {
  decodeContent,
  decodeReceipt,
  encodeContent,
  encodeReceipt,
  fleetId,
  nodeId,
  open,
  packetId,
  refusals,
  seal,
} from "../src/index.js";
import { decodePacket, encodePacket, trailerBytes } from "../src/wire.js";
import { mutations, pick, seeded, type Random } from "./mutations.js";
import { doorbell, gate, mac1, mac2, mac3, member, otherGate, packet, trust } from "./packets.js";
import { digest } from "./reference.js";

const rounds = Number(process.env["MULTIFLEET_MUTATIONS"] ?? 1_000_000);
const seed = Number(process.env["MULTIFLEET_SEED"] ?? randomInt(2 ** 31));

const [alice, bob, removed, stranger] = [member("mac1"), member("mac3"), member("mac4"), member("mac1")];
const belief = trust({ mac1: alice.verifier, mac3: bob.verifier }, { gates: [gate, doorbell] });

const unnumbered = { seq: 0, base: 0, prev: 0 };
const long = encodeContent({ subject: "deploy", body: "push the landing page ".repeat(20) });
const receipt = encodeReceipt({ digest: new Uint8Array(32).fill(4), outcome: "rejected", reason: "expired" });
const byAlice = { gate, signer: alice.signer };
const byBob = { gate, signer: bob.signer };

/** Genuine packets that mac2 accepts. */
const genuine: readonly Buffer[] = [
  seal(packet(), byAlice),
  seal(packet({ body: long }), byAlice),
  seal(packet({ kind: "notice", type: "floor", body: new Uint8Array(0) }), byAlice),
  seal(packet({ kind: "receipt", ...unnumbered, body: receipt }), byAlice),
  seal(packet({ kind: "hello", ...unnumbered, session: "", key: "" }), byAlice),
  seal(packet({ kind: "probe", ...unnumbered, from: mac3, replyTo: packetId("x") }), byBob),
  seal(packet({ from: mac3, id: packetId("b1"), key: "größe", idempotent: true }), byBob),
  seal(packet({ kind: "join", ...unnumbered }), { gate: doorbell, signer: alice.signer }),
].map(({ bytes }) => Buffer.from(bytes));

/** As genuine, and not for mac2 to accept: they are mutated too, and parts of them get into the others. */
const foreign: readonly Buffer[] = [
  seal(packet({ to: mac3 }), byAlice),
  seal(packet({ from: mac2, to: mac1 }), byAlice),
  seal(packet({ fleet: fleetId("office") }), byAlice),
  seal(packet({ from: nodeId("mac4") }), { gate, signer: removed.signer }),
  seal(packet(), { gate: otherGate, signer: alice.signer }),
].map(({ bytes }) => Buffer.from(bytes));

/** Computes the MAC anew, as a thief of both shared secrets can. */
function regated(random: Random, bytes: Buffer): Buffer {
  const copy = Buffer.from(bytes);
  const door = random(4) === 0 ? doorbell : gate;
  copy.set(door.id, copy.length - 40);
  copy.set(door.mac(Buffer.from("multifleet/v1/packet-mac\0"), copy.subarray(0, -32)), copy.length - 32);
  return copy;
}

/** Signs anew, as a member or a stranger can with a key of its own: never with that of the node which the packet names. */
function signedAnew(random: Random, bytes: Buffer): Buffer {
  const copy = Buffer.from(bytes);
  const read = decodePacket(bytes);
  const fromBob = typeof read !== "string" && read.from === bob.name;
  const { signer } = fromBob ? stranger : pick(random, [bob, removed, stranger]);
  const domain = Buffer.from("multifleet/v1/packet-signature\0");
  const signed = copy.subarray(0, -trailerBytes);
  copy.set(signer.sign(Buffer.concat([domain, digest(signed)])), signed.length);
  return copy;
}

/** One hostile packet, unlike every genuine one, and what was done to it. */
function mutant(random: Random): { bytes: Buffer; by: string } {
  for (;;) {
    const changed = attempt(random);
    // Two mutations may undo each other, or a swap may take what was there.
    if (!genuine.some((original) => original.equals(changed.bytes))) return changed;
  }
}

function attempt(random: Random): { bytes: Buffer; by: string } {
  const [name, mutate] = pick(random, Object.entries(mutations));
  let bytes = pick(random, random(8) === 0 ? foreign : genuine);
  // Sometimes the packet itself stays, and only its seal is another's.
  if (random(50) > 0) bytes = mutate(random, bytes, pick(random, random(2) === 0 ? foreign : genuine));
  const attacker = pick(random, [
    "carrier",
    "carrier",
    "carrier",
    "carrier",
    "carrier",
    "carrier",
    "thief",
    "signer",
  ]);
  const sealable = bytes.length > trailerBytes && bytes.length < 3_000;
  if (attacker === "carrier" || !sealable) return { bytes, by: name };
  return {
    bytes: regated(random, attacker === "signer" ? signedAnew(random, bytes) : bytes),
    by: `${name}, ${attacker}`,
  };
}

/** What stands behind the gate must bear any bytes as well: reads them, and checks that they could be written in no other way. */
function readInside(bytes: Buffer): void {
  const read = decodePacket(bytes);
  if (typeof read === "string") return;
  const [written, signed] = [encodePacket(read), bytes.length - trailerBytes];
  if (bytes.compare(written, 0, signed, 0, signed) !== 0) throw new Error("two ways to write one packet");
  const content = decodeContent(read.body);
  if (content !== undefined && Buffer.compare(encodeContent(content), read.body) !== 0)
    throw new Error("two ways to write one content");
  const says = decodeReceipt(read.body);
  if (says !== undefined && Buffer.compare(encodeReceipt(says), read.body) !== 0)
    throw new Error("two ways to write one receipt");
}

test("the packets that are mutated are accepted as they are, and the foreign ones are not", () => {
  for (const bytes of genuine) expect(open(bytes, belief)).toMatchObject({ ok: true });
  const codes = foreign.map((bytes) => open(bytes, belief)).map((opened) => !opened.ok && opened.code);
  expect(codes).toEqual(["RECIPIENT", "RECIPIENT", "FLEET", "SENDER", "GATE"]);
});

test(`of ${rounds} mutated packets none is accepted, none makes anything throw, and every refusal is reached`, () => {
  const random = seeded(seed);
  const refused = Object.fromEntries(refusals.map((code) => [code, 0]));
  for (let round = 0; round < rounds; round++) {
    const { bytes, by } = mutant(random);
    const at = () => `MULTIFLEET_SEED=${seed}, round ${round}, ${by}: ${bytes.toString("hex", 0, 2_000)}`;
    let opened;
    try {
      opened = open(bytes, belief);
      if (round % 8 === 0) readInside(bytes);
    } catch (cause) {
      throw new Error(`thrown, with ${at()}`, { cause });
    }
    if (opened.ok) throw new Error(`accepted, with ${at()}`);
    refused[opened.code] = (refused[opened.code] ?? 0) + 1;
  }
  console.log(`mutator: seed ${seed}, ${rounds} packets refused`, refused);
  for (const code of refusals) expect(refused[code], code).toBeGreaterThan(0);
  const pastTheGate = (["KIND", "FLEET", "RECIPIENT", "SENDER", "SIGNATURE"] as const).map(
    (code) => refused[code] ?? 0,
  );
  expect(pastTheGate.reduce((sum, count) => sum + count)).toBeGreaterThan(rounds / 20);
}, 300_000);
