import { test } from "vitest";
// Once beforehand: what is timed and watched below is the channel, not the loading of its library.
import "discord.js";
import { discord } from "@multifleet/channel-discord";
import { testChannel } from "@multifleet/conformance";
import { fleetId } from "@multifleet/core";
import { contentOf } from "../src/post.js";
import { tagFor } from "../src/tag.js";
import { coverOf, keys } from "./covers.js";
import { StandIn } from "./stand-in/stand-in.js";

const members = await keys("alpha", "bravo", "charlie");
const { traits } = discord({ channel: "", cover: coverOf(members, "alpha") });

testChannel<StandIn>({
  test,
  rig: {
    traits,
    create: () => StandIn.open(),
    channel: (medium, node) => discord({ ...medium.options, cover: coverOf(members, node) }),
    dispose: (medium) => medium.cut(),
    cut: (medium) => medium.cut(),
    heal: (medium) => medium.heal(),
    garble(medium, { node }) {
      medium.post(contentOf(tagFor(fleetId("conformance"), node)), Buffer.from("no frame"));
    },
    leftovers: (medium) => (medium.connections === 0 ? [] : [`${medium.connections} connections`]),
    misconfigured: () => discord({ token: "not a token", channel: "1", cover: coverOf(members, "alpha") }),
    keepAliveMs: 41_250,
    crowd: 40,
    deadlineMs: 15_000,
  },
});
