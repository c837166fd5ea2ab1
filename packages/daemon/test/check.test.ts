import { expect, test } from "vitest";
import { TestFleet } from "./fleet.js";

const none = { relay: false, wol: false };

interface Row {
  readonly channel: string;
  readonly works: boolean;
  readonly outcome: string;
  readonly state: string;
  readonly reason?: string;
  readonly remedy?: string;
  readonly ms?: number;
}

async function check(fleet: TestFleet, body: object): Promise<Record<string, Row>> {
  const { body: answer } = await fleet.node("mac1").post("/check", body);
  return Object.fromEntries((answer.results as Row[]).map((row) => [row.channel, row]));
}

test("every channel is tried: what works is what the peer itself answered, by a store too", async () => {
  await using fleet = await TestFleet.start(["mac1", "mac2"], {
    mac1: { config: { channels: none } },
    mac2: { config: { channels: none } },
  });
  const rows = await check(fleet, { peer: "mac2" });
  for (const channel of ["http", "ipc", "seed"])
    expect(rows[channel], channel).toMatchObject({ works: true, outcome: "answered", state: "up" });
});

test("what a store holds for a peer that is away is stored, and no more than that", async () => {
  await using fleet = await TestFleet.start(["mac1", "mac2"], { mac1: { config: { channels: none } } });
  await fleet.node("mac2").stop();
  const { seed, http } = await check(fleet, { peer: "mac2" });
  expect(seed).toMatchObject({
    works: false,
    outcome: "stored",
    remedy: expect.stringContaining("mac2's next event"),
  });
  expect(http).toMatchObject({
    works: false,
    outcome: "failed",
    reason: expect.stringContaining("UNREACHABLE"),
  });
  expect(http?.remedy).toContain("on mac2: is multifleet-daemon running");
});

test("a channel that knows no way says what to write so that it does", async () => {
  const channels = { ...none, ssh: {} };
  await using fleet = await TestFleet.start(["mac1", "mac2"], { mac1: { config: { channels } } });
  const { ssh } = await check(fleet, { peer: "mac2", channel: "ssh" });
  expect(ssh).toMatchObject({ works: false, outcome: "failed", state: "unreachable" });
  expect(ssh?.remedy).toContain('{"peers":{"mac2":{"ssh":"user@host"}}}');
});

test("a hint of the config that cannot be used is told as such, and not as one that is missing", async () => {
  const peers = { mac2: { wol: "zz", ssh: "-oProxyCommand=x" } };
  await using fleet = await TestFleet.start(["mac1", "mac2"], {
    mac1: { config: { channels: { relay: false }, peers } },
  });
  const { wol, ssh } = await check(fleet, { peer: "mac2" });
  for (const row of [wol, ssh]) {
    expect(row?.reason).toBe(
      `peers.mac2.${row?.channel} in config.json is not an address that can be used here`,
    );
    expect(row?.reason).not.toMatch(/zz|Proxy/);
  }
  expect(wol?.remedy).toContain('"wol":"aa:bb:cc:dd:ee:ff"');
  expect(ssh?.remedy).toContain('"ssh":"user@host"');
});

test("what to type for ssh names the host as ssh takes it", async () => {
  const peers = { mac2: { ssh: "nobody@127.0.0.1:1" } };
  await using fleet = await TestFleet.start(["mac1", "mac2"], {
    mac1: { config: { channels: none, peers } },
  });
  const { ssh } = await check(fleet, { peer: "mac2", channel: "ssh" });
  expect(ssh).toMatchObject({ works: false, outcome: "failed" });
  expect(ssh?.remedy).toContain("ssh -v ssh://nobody@127.0.0.1:1 exit");
});

test("a channel of ours that this node does not have is answered with how to have it", async () => {
  await using fleet = await TestFleet.start(["mac1", "mac2"], { mac1: { config: { channels: none } } });
  const mac1 = fleet.node("mac1");
  const { body } = await mac1.post("/check", { peer: "mac2", channel: "nats" });
  expect(body.detail).toMatch(/no channel nats \(.*multifleet nats up\); it has http, seed, ipc$/);
  const sent = await mac1.post("/message", {
    type: "context",
    to: "mac2",
    payload: { subject: "x", body: "" },
    via: "git",
  });
  expect(sent.body.detail).toContain('{"channels":{"git":{"remote":');
});

test("a machine is woken only where its channel was named", async () => {
  const mac1 = { config: { channels: { ...none, wol: {} }, peers: { mac2: { wol: "02:00:00:00:00:01" } } } };
  await using fleet = await TestFleet.start(["mac1", "mac2"], { mac1 });
  const all = await check(fleet, {});
  expect(all["wol"]).toMatchObject({ works: false, outcome: "not_tried" });
  expect(all["wol"]?.remedy).toContain("--channel wol");
  const { wol } = await check(fleet, { channel: "wol" });
  expect(wol?.outcome).not.toBe("not_tried");
  expect(wol?.works).toBe(false);
});
