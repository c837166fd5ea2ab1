import { expect, test } from "vitest";
import { fleetId, newPacketId, nodeId, type ChannelHost } from "@multifleet/core";
// #region use
import { http } from "@multifleet/channel-http";

/** A daemon in miniature: it takes every frame, and answers with the frame. */
function host(name: string, ...peers: readonly string[]): ChannelHost {
  return {
    node: nodeId(name),
    fleet: fleetId("home"),
    receive: async (bytes) => ({ code: "taken", answer: bytes }),
    count: (event) => console.log(`counted: ${event}`),
    report: ({ state, peer }) => console.log(`${peer} is ${state}`),
    addresses: () => peers,
  };
}

const { signal } = new AbortController();
const mac2 = await http({ port: 0 }).open(host("mac2"), { signal });
const mac1 = await http({ port: 0 }).open(host("mac1", ...mac2.addresses), { signal });

const frame = { id: newPacketId(Date.now()), to: nodeId("mac2"), bytes: Uint8Array.of(1, 2, 3) };
const result = await mac1.send(frame, { signal }); // { ok: true, effect: "delivers", answer: ... }
// #endregion use

test("the README's example does what it says", async () => {
  expect(result).toEqual({ ok: true, effect: "delivers", answer: Buffer.from(frame.bytes) });
  await mac1[Symbol.asyncDispose]();
  await mac2[Symbol.asyncDispose]();
});
