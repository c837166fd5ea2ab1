import {
  ChannelError,
  encodeReceipt,
  fleetGate,
  newKeyPair,
  open,
  seal,
  signer,
  verifier,
  type Frame,
  type Packet,
  type SendResult,
} from "@multifleet/core";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { Pair, within } from "../pair.js";

/** Ends a send as a carrier does whose answer was lost. */
function lost(): SendResult {
  return { ok: false, error: new ChannelError("CLOSED", "the answer was lost") };
}

test("F5: the receipt is lost five times; the packet is sent again, shown once, and settles as delivered", async () => {
  await using pair = await Pair.start();
  let losses = 0;
  pair.carry = async (frame, send) => {
    const result = await send(frame);
    return losses++ < 5 ? lost() : result;
  };
  const id = await pair.send("once");
  expect((await pair.mac1.wait(id, "delivered", within(60))).state).toBe("delivered");
  expect(losses).toBe(6);
  expect(pair.mac2.inbox({ limit: 10 }).map((item) => item.id)).toEqual([id]);
  expect(pair.mac2.health().counters["packets_duplicate_total"]).toBe(5);
}, 90_000);

/** The means of one who is a carrier, and has even stolen the fleet's shared secret. */
function thief(pair: Pair) {
  const file = JSON.parse(readFileSync(join(pair.directory, "mac1", "fleet.json"), "utf8")) as {
    fleet: string;
    secret: string;
    membership: { document: string };
  };
  const { members } = JSON.parse(file.membership.document) as { members: { node: string; key: string }[] };
  const gate = fleetGate(Buffer.from(file.secret, "base64url"));
  const keys = new Map(members.map(({ node, key }) => [node, verifier(key)]));
  const read = (frame: Frame): { packet: Packet; digest: Uint8Array } => {
    const trust = {
      fleet: file.fleet as Packet["fleet"],
      node: frame.to,
      gate: () => gate,
      key: ({ from }: Packet) => keys.get(from),
    };
    const opened = open(frame.bytes, trust);
    if (!opened.ok) throw new Error(opened.code);
    return opened;
  };
  /** A receipt as the receiver would make it, but for the signature. */
  const forge = (frame: Frame, digest: (own: Uint8Array) => Uint8Array = (own) => own): Uint8Array => {
    const { packet, digest: own } = read(frame);
    const body = encodeReceipt({ digest: digest(own), outcome: "delivered", reason: "" });
    const receipt: Packet = {
      ...packet,
      kind: "receipt",
      type: "receipt",
      from: packet.to,
      to: packet.from,
      seq: 0,
      prev: 0,
      body,
    };
    return seal(receipt, { gate, signer: signer(newKeyPair()) }).bytes;
  };
  return { forge };
}

const lies: Readonly<
  Record<string, (pair: Pair, frame: Frame, genuine: Uint8Array) => Uint8Array | undefined>
> = {
  "no receipt at all": () => undefined,
  "an empty answer": () => new Uint8Array(),
  "the packet itself": (_, frame) => frame.bytes,
  "the genuine receipt of an earlier message": (_, __, genuine) => genuine,
  "a receipt forged with the fleet's stolen secret": (pair, frame) => thief(pair).forge(frame),
};

for (const [what, lie] of Object.entries(lies)) {
  test(`T5: a carrier that answers with ${what} is not believed; the message stays pending`, async () => {
    await using pair = await Pair.start();
    let genuine = new Uint8Array();
    pair.carry = async (frame, send) => {
      const result = await send(frame);
      if (result.ok && result.answer !== undefined) genuine = new Uint8Array(result.answer);
      return result;
    };
    await pair.mac1.wait(await pair.send("before"), "delivered", within(20));
    const told = pair.mac1.health().counters["send_failures_total"] ?? 0;
    let heard = () => {};
    const lied = new Promise<void>((resolve) => (heard = resolve));
    let attempts = 0;
    pair.carry = (frame) => {
      if (++attempts === 3) heard();
      const answer = lie(pair, frame, genuine);
      return Promise.resolve({ ok: true, effect: "delivers", ...(answer === undefined ? {} : { answer }) });
    };
    const id = await pair.send("never carried");
    await lied;
    expect(["accepted", "sent"]).toContain(pair.mac1.message(id).state);
    expect(pair.mac1.health().messages).toMatchObject({ accepted: 2, delivered: 1, pending: 1 });
    expect(pair.mac1.health().counters["send_failures_total"]).toBeGreaterThan(told);
    expect(pair.mac2.inbox({ limit: 10 })).toHaveLength(1);
    // Once the carrier is honest again, the same message is delivered.
    pair.carry = undefined;
    expect((await pair.mac1.wait(id, "delivered", within(40))).state).toBe("delivered");
    expect(pair.mac2.inbox({ limit: 10 })).toHaveLength(2);
  }, 90_000);
}
