import { testChannel } from "@multifleet/conformance";
import type { Channel, NodeId } from "@multifleet/core";
import { describe, test } from "vitest";
import { relay } from "../src/index.js";
import { Office } from "./office.js";

const [carrier, keeper] = relay();
if (carrier === undefined || keeper === undefined) throw new Error("two channels are made");

/** The rig of one of the two channels. What it carries comes in by other channels: the office hands it over. */
function rig(channel: Channel, at: 0 | 1) {
  return {
    traits: channel.traits,
    create: () => new Office("delta"),
    channel: (office: Office, node: NodeId) => office.channel(node, at),
    cut: (office: Office) => office.cut(),
    heal: (office: Office) => office.heal(),
    misconfigured: () => channel,
  };
}

describe("relay", () => {
  testChannel({ test, rig: rig(carrier, 0) });
});

/** The same with the cases for channels that receive, which would be skipped: the far node is handed what was passed on. */
describe("relay, as those see it that it reaches", () => {
  const inbound = { ...carrier, traits: { ...carrier.traits, inbound: true } };
  testChannel({
    test,
    rig: {
      ...rig(inbound, 0),
      channel: (office, node) => ({ ...office.channel(node, 0), traits: inbound.traits }),
    },
  });
});

describe("relay-store", () => {
  testChannel({ test, rig: rig(keeper, 1) });
});

describe("relay-store, as those see it that a copy is kept for", () => {
  const inbound = { ...keeper, traits: { ...keeper.traits, inbound: true } };
  testChannel({
    test,
    rig: {
      ...rig(inbound, 1),
      channel: (office, node) => ({ ...office.channel(node, 1), traits: inbound.traits }),
    },
  });
});
