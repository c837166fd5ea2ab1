import { expect, test } from "vitest";
import { StandIn } from "../../channel-discord/test/stand-in/stand-in.js";
import { TestFleet } from "./fleet.js";

const none = { http: false, ipc: false, seed: false, relay: false, wol: false };

/** A body of 100,000 bytes in characters of one to four bytes. */
function long(number: number): string {
  const head = `message ${number} `;
  const unit = "aé漢😀";
  const text = head + unit.repeat(Math.floor((100_000 - head.length) / Buffer.byteLength(unit)));
  return text + ".".repeat(100_000 - Buffer.byteLength(text));
}

test("Discord alone carries between two nodes, all other channels off, and leaves nothing behind", async () => {
  const standIn = await StandIn.open();
  await using fleet = await TestFleet.start(["mac1", "mac2"]);
  const [mac1, mac2] = [fleet.node("mac1"), fleet.node("mac2")];
  const address = `discord:${standIn.channel}@${standIn.host}`;
  for (const [node, peer] of [
    [mac1, "mac2"],
    [mac2, "mac1"],
  ] as const) {
    await node.stop();
    const channels = { ...none, discord: standIn.options };
    node.options = { config: { channels, peers: { [peer]: { discord: address } } } };
    await node.start();
  }
  const bodies = Array.from({ length: 30 }, (_, number) => long(number));
  const ids: string[] = [];
  for (const body of bodies) ids.push((await mac1.send("mac2", body)).body.id);
  for (const id of ids) {
    const message = await mac1.settled(id, 25);
    expect(message.state).toBe("delivered");
    expect(new Set(message.attempts.map(({ channel }: { channel: string }) => channel))).toEqual(
      new Set(["discord"]),
    );
  }
  const items = await mac2.inbox();
  expect(items.map(({ id }) => id).toSorted()).toEqual(ids.toSorted());
  expect(new Set(items.map(({ body }) => body))).toEqual(new Set(bodies));
  await standIn.cut();
});
