import { testChannel } from "@multifleet/conformance";
import { test } from "vitest";
import { Hub, memory } from "../src/index.js";

testChannel({
  test,
  rig: {
    traits: memory().traits,
    create: () => new Hub(),
    channel: (hub) => memory({ hub }),
    cut: (hub) => hub.cut(),
    heal: (hub) => hub.heal(),
    misconfigured: () => memory(),
  },
});
