import { expect, test } from "vitest";
import { fleetId, newPacketId, nodeId, type ChannelHost } from "@multifleet/core";
import { expected, loopback, Sleeper } from "./sleeper.js";

const sleeper = await Sleeper.listen();
const options = { interfaces: [loopback], ports: [sleeper.port] };

// #region use
import { wol } from "@multifleet/channel-wol";

/** A daemon in miniature: it knows where a peer's network card was last. */
const host: ChannelHost = {
  node: nodeId("mac1"),
  fleet: fleetId("home"),
  receive: async () => ({ code: "refused", reason: "nothing comes in by this channel" }),
  count: (event) => console.log(`counted: ${event}`),
  report: () => undefined,
  addresses: () => ["wol:00-1b-21-ab-cd-ef@127.0.0.1/8"],
};

const { signal } = new AbortController();
const link = await wol(options).open(host, { signal });

const frame = { id: newPacketId(Date.now()), to: nodeId("mac2"), bytes: Uint8Array.of(1, 2, 3) };
const result = await link.send(frame, { signal }); // { ok: true, effect: "wakes" }: the frame itself went nowhere
// #endregion use

test("the README's example does what it says", async () => {
  expect(result).toEqual({ ok: true, effect: "wakes" });
  await sleeper.settled();
  expect(sleeper.packets).toEqual([expected("00-1b-21-ab-cd-ef")]);
  await link[Symbol.asyncDispose]();
  await sleeper[Symbol.asyncDispose]();
});
