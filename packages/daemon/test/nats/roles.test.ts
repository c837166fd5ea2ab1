import { existsSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { findProgram } from "../../../../test/needs.js";
import { freePort } from "../../src/nats/ports.js";
import { TestFleet, type TestNode } from "../fleet.js";
import { appears, channelOpen } from "./watch.js";

const none = findProgram("nats-server") === undefined;

async function up(node: TestNode, settings: object) {
  const { status, body } = await node.post("/nats", settings);
  expect(body).toMatchObject({ state: "running" });
  expect(status).toBe(200);
  return body;
}

test.skipIf(none)("a leaf reaches what is at its hub, and works on when the hub is gone", async () => {
  await using fleet = await TestFleet.start(["mac1", "mac2"]);
  const [mac1, mac2] = [fleet.node("mac1"), fleet.node("mac2")];
  const hub = await up(mac1, { port: 0, leaf_port: 0 });
  const leaf = await up(mac2, { port: 0, hub: `nats-leaf://${hub.leafnodes}` });
  expect(leaf).toMatchObject({ role: "leaf", domain: "mac2", hub: `nats-leaf://${hub.leafnodes}` });
  const over = await mac2.send("mac1", "by the leaf", { via: "nats" });
  expect(await mac2.settled(over.body.id)).toMatchObject({ state: "delivered" });
  const copy = await mac2.send("mac1", "a copy", { via: "jetstream" });
  expect(await mac2.settled(copy.body.id)).toMatchObject({ state: "delivered" });
  const back = await mac1.send("mac2", "a copy back", { via: "jetstream" });
  expect(await mac1.settled(back.body.id)).toMatchObject({ state: "delivered" });
  // Another node that knows the leaf's server only.
  const channels = { nats: { servers: [leaf.server], nkeyFile: join(mac2.home, "nats", "client.nk") } };
  const mac3 = await fleet.add("mac3", { config: { channels } });
  await mac1.call("DELETE", "/nats");
  const beside = await mac2.send("mac3", "without the hub", { via: "nats" });
  expect(await mac2.settled(beside.body.id)).toMatchObject({ state: "delivered" });
  const health = (await mac2.get("/health")).body;
  expect(health).toMatchObject({
    channels: { jetstream: { state: "open" } },
    jetstream: { available: true },
  });
  expect((await mac3.get("/health")).body.channels.nats.state).toBe("open");
});

test.skipIf(none)(
  "three nodes with the same list of routes are one cluster, which keeps three copies",
  async () => {
    await using fleet = await TestFleet.start(["mac1", "mac2", "mac3"]);
    const ports = [await freePort("127.0.0.1"), await freePort("127.0.0.1"), await freePort("127.0.0.1")];
    const routes = ports.map((port) => `127.0.0.1:${port}`);
    const shown = await Promise.all(
      fleet.nodes.map((node, at) => up(node, { port: 0, routes, cluster_port: ports[at] })),
    );
    expect(shown[0]).toMatchObject({ role: "cluster", cluster: { listen: routes[0], routes } });
    const mac1 = fleet.node("mac1");
    const { body } = await mac1.send("mac3", "through the cluster", { via: "nats" });
    expect(await mac1.settled(body.id)).toMatchObject({ state: "delivered" });
    await channelOpen(mac1, "jetstream");
    // Each of the servers has a copy of the stream.
    for (const { store } of shown) {
      const path = await appears(store, "jetstream", "$G", "streams", "FLEET_MESSAGES");
      expect(existsSync(path)).toBe(true);
    }
  },
  60_000,
);
