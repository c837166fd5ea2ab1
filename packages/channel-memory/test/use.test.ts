import { expect, test } from "vitest";
import { fleetId, newPacketId, nodeId, type ChannelHost } from "@multifleet/core";
// #region use
import { Hub, memory } from "@multifleet/channel-memory";

/** A daemon in miniature: it takes every frame, and answers with the frame. */
function host(name: string): ChannelHost {
  return {
    node: nodeId(name),
    fleet: fleetId("home"),
    receive: async (bytes) => ({ code: "taken", answer: bytes }),
    count: () => undefined,
    report: ({ state, peer }) => console.log(`${peer ?? "everybody"} is ${state}`),
    addresses: () => [],
  };
}

const hub = new Hub();
const { signal } = new AbortController();
const mac1 = await memory({ hub }).open(host("mac1"), { signal });
const mac2 = await memory({ hub }).open(host("mac2"), { signal });

const frame = { id: newPacketId(Date.now()), to: nodeId("mac2"), bytes: Uint8Array.of(1, 2, 3) };
const result = await mac1.send(frame, { signal }); // { ok: true, effect: "delivers", answer: ... }
// #endregion use

test("the README's example does what it says", async () => {
  expect(result).toEqual({ ok: true, effect: "delivers", answer: frame.bytes });
  await mac1[Symbol.asyncDispose]();
  await mac2[Symbol.asyncDispose]();
});
