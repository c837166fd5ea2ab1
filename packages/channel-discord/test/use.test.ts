import { expect, test } from "vitest";
import "discord.js";
import { fleetId, newPacketId, nodeId, type ChannelHost } from "@multifleet/core";
import { coverOf, keys } from "./covers.js";
import { StandIn } from "./stand-in/stand-in.js";

const standIn = await StandIn.open();
const members = await keys("mac1", "mac2");
const bot = standIn.options;
let arrived: (bytes: Uint8Array) => void = () => undefined;
const arrival = new Promise<Uint8Array>((resolve) => (arrived = resolve));

// #region use
import { discord } from "@multifleet/channel-discord";

/** A daemon in miniature: it takes every frame. */
function host(name: string, ...peers: readonly string[]): ChannelHost {
  return {
    node: nodeId(name),
    fleet: fleetId("home"),
    receive: async (bytes) => {
      arrived(bytes);
      return { code: "taken" };
    },
    count: (event) => console.log(`counted: ${event}`),
    report: ({ state, reason }) => console.log(`Discord is ${state}: ${reason}`),
    addresses: () => peers,
  };
}

// `bot` has the bot's token and the channel's id; `coverOf` makes the FrameCover of a node, as a daemon does.
const { signal } = new AbortController();
const mac2 = await discord({ ...bot, cover: coverOf(members, "mac2") }).open(host("mac2"), { signal });
const mac1 = await discord({ ...bot, cover: coverOf(members, "mac1") }).open(
  host("mac1", ...mac2.addresses),
  { signal },
);

const frame = { id: newPacketId(Date.now()), to: nodeId("mac2"), bytes: Uint8Array.of(1, 2, 3) };
const result = await mac1.send(frame, { signal }); // { ok: true, effect: "stores" }
// #endregion use

test("the README's example does what it says", async () => {
  expect(result).toEqual({ ok: true, effect: "stores" });
  expect(new Uint8Array(await arrival)).toEqual(frame.bytes);
  await mac1[Symbol.asyncDispose]();
  await mac2[Symbol.asyncDispose]();
  await standIn.cut();
});
