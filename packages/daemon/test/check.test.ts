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
