import { fleetId, Counters, nodeId, type Channel, type Link } from "@multifleet/core";
import { expect, test } from "vitest";
import { Supervisor } from "../src/channels/supervisor.js";
import { counterTable } from "../src/counters.js";
import { jsonLog } from "../src/log.js";

/** A channel whose link has one address, and which does nothing. */
function silent(): Channel {
  return {
    contract: 1,
    name: "silent",
    traits: { effect: "delivers", inbound: true, maxFrameBytes: 1_000, rank: 1 },
    open: () =>
      Promise.resolve({
        addresses: ["here"],
        closed: new Promise(() => {}),
        [Symbol.asyncDispose]: () => Promise.resolve(),
      } as unknown as Link),
  };
}

test("a node that is closing still says where it is: a hello answered then would leave the peer without a way to it", async () => {
  const supervisor = new Supervisor({
    ...{
      counters: new Counters(counterTable),
      log: jsonLog(() => undefined, "silent"),
      random: Math.random,
      now: Date.now,
    },
    node: () => nodeId("mac1"),
    fleet: () => fleetId("home"),
    receive: () => Promise.resolve({ code: "taken" }),
    addresses: () => [],
    ...{ opened: () => {}, closed: () => {}, medium: () => {} },
  });
  await supervisor.open([silent()]);
  const closing = supervisor.close();
  expect(supervisor.addresses()).toEqual({ silent: ["here"] });
  await closing;
});
