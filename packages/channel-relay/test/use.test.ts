import { expect, test } from "vitest";
import { fleetId, newPacketId, nodeId, type ChannelHost } from "@multifleet/core";
// #region use
import { relay, type Forwarder } from "@multifleet/channel-relay";

/** A daemon's part in miniature: it asks mac3, which reaches everybody and brings back what the far node said. */
const forwarder: Forwarder = {
  reaches: (to) => to === "mac2",
  candidates: () => [nodeId("mac3")],
  ask: async (_, frame) => ({ outcome: "delivered", reason: "", beyond: "", answer: frame.bytes }),
  watch: () => () => undefined,
};
const host: ChannelHost = {
  node: nodeId("mac1"),
  fleet: fleetId("home"),
  receive: async () => ({ code: "refused", reason: "nothing comes in by this channel" }),
  count: (event) => console.log(`counted: ${event}`),
  report: ({ state, peer }) => console.log(`${peer} is ${state}`),
  addresses: () => [],
};

const { signal } = new AbortController();
const [carrier, keeper] = relay({ forwarder }); // "relay" and "relay-store"
const link = await carrier!.open(host, { signal });

const frame = { id: newPacketId(Date.now()), to: nodeId("mac2"), bytes: Uint8Array.of(1, 2, 3) };
const result = await link.send(frame, { signal }); // { ok: true, effect: "delivers", answer: ..., path: "through mac3" }
// #endregion use

test("the README's example does what it says", async () => {
  expect(result).toEqual({ ok: true, effect: "delivers", answer: frame.bytes, path: "through mac3" });
  expect([carrier?.name, keeper?.name]).toEqual(["relay", "relay-store"]);
  await link[Symbol.asyncDispose]();
});
