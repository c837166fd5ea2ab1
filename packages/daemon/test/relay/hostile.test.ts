import {
  decodeRelayRequest,
  encodeReceipt,
  encodeRelayRequest,
  kindBytes,
  newKeyPair,
  nodeId,
  open,
  type RelayAnswer,
} from "@multifleet/core";
import { expect, test } from "vitest";
import { TestFleet } from "../fleet.js";
import { Member } from "./member.js";
import { packetPort, Triangle } from "./triangle.js";

const target = nodeId("mac2");
const none = new Uint8Array();

test("what is forged, looped, passed on too often or out of time is refused by the relay, counted, and reaches nobody", async () => {
  await using fleet = await TestFleet.start(["mac3", "mac1", "mac2"]);
  const [mac1, mac2, mac3] = [fleet.node("mac1"), fleet.node("mac2"), fleet.node("mac3")];
  await using member = new Member(mac1);
  await member.connect(packetPort(mac3));
  await mac1.stop();
  const before = await mac3.counters();
  const genuine = member.packet("mac2");
  const request = { hops: 2, ask: "carry", target, packet: genuine } as const;
  const flipped = Uint8Array.from(genuine, (byte, at) => (at === 200 ? byte ^ 1 : byte));
  const past = Date.now() - 1;
  const asked: readonly (readonly [string, Promise<RelayAnswer | string>])[] = [
    ["not_genuine", member.ask("mac3", { ...request, packet: flipped })],
    ["not_genuine", member.ask("mac3", { ...request, packet: Buffer.from("no packet at all") })],
    ["not_genuine", member.ask("mac3", { ...request, packet: member.packet("mac2", {}, newKeyPair()) })],
    ["not_genuine", member.ask("mac3", { ...request, packet: member.packet("mac2", { from: target }) })],
    ["not_genuine", member.ask("mac3", { ...request, packet: member.packet("mac3") })],
    [
      "not_genuine",
      member.ask("mac3", { ...request, packet: member.relay("mac2", encodeRelayRequest(request)) }),
    ],
    ["loop", member.ask("mac3", { ...request, target: member.node, packet: member.packet("mac1") })],
    ["unknown_target", member.ask("mac3", { ...request, target: nodeId("nobody") })],
    ["hops", member.ask("mac3", { ...request, hops: 0 })],
    [
      "bad_request",
      member.ask("mac3", Buffer.concat([Buffer.of(3), encodeRelayRequest(request).subarray(1)])),
    ],
    ["bad_request", member.ask("mac3", none)],
    ["expired", member.ask("mac3", request, { expires: past })],
    ["expired", member.ask("mac3", { ...request, packet: member.packet("mac2", { expires: past }) })],
    [
      "expired",
      member.ask("mac3", { ...request, ask: "keep", packet: member.packet("mac2", { expires: past }) }),
    ],
    // An answer that nobody waits for, and one that is signed by somebody else, get no answer at all.
    [
      "REFUSED",
      member.ask("mac3", encodeRelayRequest(request), { replyTo: "01jd0000000000000000000000" as never }),
    ],
    ["REFUSED", member.ask("mac3", encodeRelayRequest(request), { from: target })],
  ];
  for (const [reason, answer] of asked) {
    const said = await answer;
    expect(typeof said === "string" ? said : [said.outcome, said.reason]).toEqual(
      reason === "REFUSED" ? reason : ["refused", reason],
    );
  }
  const after = await mac3.counters();
  // All but the one that the door itself did not let in.
  expect((after["relay_refused_total"] ?? 0) - (before["relay_refused_total"] ?? 0)).toBe(asked.length - 1);
  expect(after["relay_kept_total"]).toBe(0);
  expect(await mac2.inbox()).toEqual([]);
  // The genuine one goes through, and once, however often it is asked for.
  const answers = await Promise.all([1, 2, 3].map(() => member.ask("mac3", request)));
  for (const said of answers) expect(said).toMatchObject({ outcome: "delivered" });
  expect((await mac2.inbox()).length).toBe(1);
}, 60_000);

test("T5: a relay that says delivered without the receiver's own receipt is not believed; an honest way delivers in the end", async () => {
  await using triangle = await Triangle.start();
  const { mac1, mac2, mac3 } = triangle;
  const straight = await mac1.settled((await mac1.send("mac2", "before")).body.id);
  const port = packetPort(mac3);
  await mac3.stop();
  await using liar = new Member(mac3);
  const genuine = Buffer.from(straight.receipt.sealed, "base64");
  const lies = [
    () => none,
    (packet: Uint8Array) => packet,
    () => genuine,
    (packet: Uint8Array) => {
      const opened = open(packet, { ...trustOf(liar), node: target });
      if (!opened.ok) return none;
      const body = encodeReceipt({ digest: opened.digest, outcome: "delivered", reason: "" });
      const { id } = opened.packet;
      return liar.packet("mac1", {
        kind: "receipt",
        type: "receipt",
        from: target,
        seq: 0,
        base: 0,
        id,
        body,
      });
    },
  ];
  let told = 0;
  let enough = () => {};
  const all = new Promise<void>((resolve) => (enough = resolve));
  const hellos: Promise<void>[] = [];
  await liar.listen(port, packetPort(mac1), async (bytes) => {
    const opened = open(bytes, liar);
    const request =
      opened.ok && opened.packet.kind === "relay" ? decodeRelayRequest(opened.packet.body) : undefined;
    if (!opened.ok || request === undefined) return { code: "taken" };
    if (request.ask === "keep" || request.packet[5] !== kindBytes.message) {
      // The lie before was judged by now; a hello has the message tried again at once.
      if (request.ask === "keep") hellos.push(liar.hello("mac1", port));
      const honest = { outcome: "unreachable", reason: "no_way", beyond: "", answer: none } as const;
      return { code: "taken", answer: liar.answer(opened.packet, honest) };
    }
    const answer = lies[told % lies.length]?.(request.packet) ?? none;
    // The next is told only after the one before was judged.
    if (++told > lies.length) enough();
    const said = { outcome: "delivered", reason: "", beyond: "", answer } as const;
    return { code: "taken", answer: liar.answer(opened.packet, said) };
  });
  const { id } = (await mac1.send("mac2", "lied about")).body;
  await all;
  const message = (await mac1.get(`/message/${id}`)).body;
  expect(["accepted", "sent"]).toContain(message.state);
  expect(message.receipt).toBeUndefined();
  expect((await mac1.counters())["relay_lies_total"]).toBeGreaterThanOrEqual(lies.length);
  expect((await mac2.inbox()).length).toBe(1);
  await Promise.all(hellos);
  await liar[Symbol.asyncDispose]();
  await mac3.start();
  expect(await mac1.settled(id, 40)).toMatchObject({ state: "delivered", receipt: { from: "mac2" } });
}, 90_000);

test("a member that asks without end is held to its quota: bounded copies, bounded work, and the others are still served", async () => {
  await using triangle = await Triangle.start();
  const { mac1, mac2, mac3 } = triangle;
  await using member = new Member(mac2);
  await mac2.stop();
  await member.connect(packetPort(mac3));
  const count = Number(process.env["MULTIFLEET_ROUNDS"] ?? 1) * 1_000;
  const outcomes = new Map<string, number>();
  let next = 0;
  const flood = async () => {
    while (next < count) {
      const seq = ++next;
      const packet = member.packet("mac1", { seq, body: Buffer.alloc(1_000, 1) });
      const said = await member.ask("mac3", { hops: 2, ask: "keep", target: nodeId("mac1"), packet });
      const name = typeof said === "string" ? said : `${said.outcome} ${said.reason}`.trim();
      outcomes.set(name, (outcomes.get(name) ?? 0) + 1);
    }
  };
  await mac1.stop();
  await Promise.all(Array.from({ length: 64 }, flood));
  console.log(`flood of ${count}: ${JSON.stringify(Object.fromEntries(outcomes))}`);
  expect(outcomes.get("stored")).toBe(256);
  expect([...outcomes.keys()].toSorted()).toEqual(expect.arrayContaining(["busy full", "stored"]));
  expect((await mac3.counters())["relay_kept_total"]).toBe(256);
  await mac1.start();
  await mac2.start();
  const honest = await mac1.settled((await mac1.send("mac2", "still served")).body.id);
  expect(honest.state).toBe("delivered");
}, 90_000);

function trustOf(member: Member) {
  return { fleet: member.fleet, gate: () => member.gate(), key: (packet: never) => member.key(packet) };
}
