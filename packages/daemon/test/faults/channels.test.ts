import { expect, test } from "vitest";
import { TestFleet, type TestNode } from "../fleet.js";
import { expectBalanced, Ledger } from "../ledger.js";
import { TestLink } from "../proxy.js";

/** The port of a node's packet listener. */
async function packetPort(node: TestNode): Promise<number> {
  const line = node.log
    .split("\n")
    .findLast((each) => each.includes('"channel_open"') && each.includes('"http"'));
  const { addresses } = JSON.parse(line ?? "{}") as { addresses: string[] };
  return Number(new URL(addresses[0] ?? "").port);
}

/** Two nodes; mac1 reaches mac2's packet listener through a link that can fail. */
async function linked(
  channels: object,
): Promise<{ fleet: TestFleet; mac1: TestNode; mac2: TestNode; link: TestLink }> {
  const fleet = await TestFleet.start(["mac1", "mac2"], {
    mac1: { config: { channels } },
    mac2: { config: { channels } },
  });
  const [mac1, mac2] = [fleet.node("mac1"), fleet.node("mac2")];
  const link = await TestLink.to(await packetPort(mac2));
  await mac1.stop();
  mac1.options = { config: { channels, peers: { mac2: { http: link.url } } } };
  await mac1.start();
  return { fleet, mac1, mac2, link };
}

/** The channel by which a message was delivered. */
function carrier(message: { attempts: { channel: string; outcome?: string }[] }): string | undefined {
  return message.attempts.find(({ outcome }) => outcome === "delivered")?.channel;
}

test("F11: where the peer's listener is gone, its refusal alone starts the next channel", async () => {
  const { fleet, mac1, link } = await linked({ seed: false });
  await using _ = fleet;
  await using __ = link;
  const first = await mac1.send("mac2", "by http", { via: "http" });
  expect(carrier(await mac1.settled(first.body.id))).toBe("http");
  await link.set("cut");
  const message = await mac1.settled((await mac1.send("mac2", "by ipc")).body.id);
  expect(message.state).toBe("delivered");
  expect(carrier(message)).toBe("ipc");
  const { attempts } = message as { attempts: { channel: string; outcome: string }[] };
  for (const { outcome } of attempts.filter(({ channel }) => channel === "http")) {
    expect(["UNREACHABLE", "CLOSED"]).toContain(outcome);
  }
  console.log("fall-through:", JSON.stringify(attempts));
});

test("HTTP comes back: it is used again by the next message", async () => {
  const { fleet, mac1, mac2, link } = await linked({ seed: false });
  await using _ = fleet;
  await using __ = link;
  await link.set("cut");
  expect(carrier(await mac1.settled((await mac1.send("mac2", "1")).body.id))).toBe("ipc");
  await link.set("pass");
  // Its hello is the event that says so: it comes over the link, as a peer's does that was away.
  await mac2.stop();
  await mac2.start();
  await mac1.settled((await mac1.send("mac2", "2")).body.id);
  const checked = (await mac1.post("/check", { peer: "mac2", channel: "http" })).body.results;
  expect(checked).toMatchObject([{ channel: "http", works: true }]);
  await mac1.settled((await mac1.send("mac2", "3")).body.id);
  await expectBalanced(mac1);
});

test("a link that takes everything and answers nothing holds no message up: the hedge wins", async () => {
  const { fleet, mac1, mac2, link } = await linked({ seed: false });
  await using _ = fleet;
  await using __ = link;
  const ledger = new Ledger();
  await ledger.post(mac1, "mac2");
  await link.set("hang");
  for (let i = 0; i < 20; i++) await ledger.post(mac1, "mac2");
  await ledger.delivered(mac1, 20);
  await ledger.compare(mac2);
  const counters = await mac1.counters();
  expect(counters["channel_hedge_total"]).toBeGreaterThan(0);
  console.log("hung link: sends per message", (counters["send_attempts_total"] ?? 0) / ledger.accepted.size);
});

test("F15: where only the seed directory works and the peer is down, the message is there once after its start", async () => {
  const channels = { ipc: false };
  await using fleet = await TestFleet.start(["mac1", "mac2"], {
    mac1: { config: { channels } },
    mac2: { config: { channels } },
  });
  const [mac1, mac2] = [fleet.node("mac1"), fleet.node("mac2")];
  for (const [node, peer] of [
    [mac1, "mac2"],
    [mac2, "mac1"],
  ] as const) {
    await node.stop();
    node.options = { config: { channels, peers: { [peer]: { http: "http://127.0.0.1:1" } } } };
  }
  await mac1.start();
  const ledger = new Ledger();
  for (let i = 0; i < 5; i++) await ledger.post(mac1, "mac2");
  const [id = ""] = ledger.accepted;
  await mac1.until(id, "sent");
  await mac2.start();
  await ledger.delivered(mac1, 30);
  await ledger.compare(mac2);
  expect((await mac1.get(`/message/${id}`)).body.attempts).toContainEqual(
    expect.objectContaining({ channel: "seed", outcome: "stored" }),
  );
});
