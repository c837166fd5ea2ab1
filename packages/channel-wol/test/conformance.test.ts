import { testChannel } from "@multifleet/conformance";
import { nodeId, type Channel, type ChannelHost } from "@multifleet/core";
import { test } from "vitest";
import { wol } from "../src/index.js";
import { loopback, Sleeper } from "./sleeper.js";

const cards: Readonly<Record<string, string>> = {
  alpha: "wol:00-1b-21-00-00-01@127.0.0.1/8",
  bravo: "wol:00-1b-21-00-00-02@127.0.0.1/8",
  charlie: "wol:00-1b-21-00-00-03@127.0.0.1/8",
};

/** Loopback has no MAC address to tell of, so the nodes' cards are known beforehand. */
function knowing(channel: Channel): Channel {
  return {
    ...channel,
    open: (host, options) => {
      const known: ChannelHost = {
        node: host.node,
        fleet: host.fleet,
        receive: (bytes) => host.receive(bytes),
        count: (event) => host.count(event),
        report: (event) => host.report(event),
        addresses: (to) =>
          Object.keys(cards).flatMap((name) => (to === nodeId(name) ? (cards[name] ?? []) : [])),
      };
      return channel.open(known, options);
    },
  };
}

testChannel<Sleeper>({
  test,
  rig: {
    traits: wol().traits,
    create: () => Sleeper.listen(),
    channel: ({ port }) => knowing(wol({ interfaces: [loopback], ports: [port] })),
    dispose: (sleeper) => sleeper[Symbol.asyncDispose](),
    misconfigured: () => wol({ ports: [0] }),
  },
});
