import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { http } from "@multifleet/channel-http";
import type { Channel } from "@multifleet/core";
import { expect, test } from "vitest";
import { findProgram } from "../../../../test/needs.js";
import { createDaemon, jsonLog, type FleetNode } from "../../src/index.js";
import { TestNode } from "../fleet.js";
import { channelGone, channelOpen } from "./watch.js";

const none = findProgram("nats-server") === undefined;

/** Says in each hello where the node's server is, as `share` does; a test shares on loopback, where `share` refuses to. */
function announcer(node: () => FleetNode | undefined): Channel {
  return {
    contract: 1,
    name: "nats-server",
    traits: { effect: "stores", inbound: false, maxFrameBytes: 1_000, rank: 9 },
    open: () =>
      Promise.resolve({
        get addresses() {
          const { state = "off", server = "" } = node()?.natsServer() ?? {};
          return state === "off" ? [] : [server, "nats://-not a server-", "file:///etc/passwd"];
        },
        reaches: () => false,
        send: () => Promise.reject(new TypeError("it reaches nobody")),
        closed: new Promise(() => {}),
        [Symbol.asyncDispose]: () => Promise.resolve(),
      }),
  };
}

test.skipIf(none)(
  "a member without a server uses one that another shares, for as long as it is shared",
  async () => {
    const directory = mkdtempSync(join(tmpdir(), "sharing-"));
    const mac2 = new TestNode(join(directory, "mac2"), "mac2");
    const at: { mac1?: FleetNode } = {};
    const mac1 = await createDaemon({
      home: join(directory, "mac1"),
      node: "mac1",
      port: false,
      channels: [http({ port: 0 }), announcer(() => at.mac1)],
      log: jsonLog(() => undefined, "silent"),
    });
    at.mac1 = mac1;
    try {
      await mac2.start();
      const { code } = await mac1.invite({ uses: 1, expires: "1h", lan: false });
      await mac2.post("/join", { code });
      expect((await mac2.get("/health")).body.channels.nats).toBeUndefined();
      const { server = "" } = await mac1.natsUp({ port: 0 });
      await channelOpen(mac2, "nats");
      const { channels } = (await mac2.get("/health")).body;
      expect(channels.nats.medium).toMatchObject({ connected: true, server: server.replace("nats://", "") });
      await mac1.natsDown({ purge: false });
      await channelGone(mac2, "nats");
      expect((await mac2.get("/nats")).body).toEqual({ state: "off" });
    } finally {
      await mac2.kill("SIGKILL");
      await mac1.close();
      rmSync(directory, { recursive: true, force: true });
    }
  },
);
