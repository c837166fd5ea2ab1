import type { Frame } from "@multifleet/core";
import { expect, test } from "vitest";
import { Pair, within } from "../pair.js";
import { runSeed, seeded } from "../../../../test/random.js";

test("F20: every frame is carried three times, in any order; the inbox holds each message once, and each key's in order", async () => {
  const random = seeded(runSeed("duplicates"));
  await using pair = await Pair.start();
  const later: (() => void)[] = [];
  // Copies wait in a pool, from which one is drawn at random whenever another comes in.
  const pool = (send: () => void) => {
    later.push(send);
    if (later.length > 8) later.splice(Math.floor(random() * later.length), 1)[0]?.();
  };
  let under = 0;
  pair.carry = (frame: Frame, send) =>
    new Promise((resolve) => {
      under++;
      for (let copy = 0; copy < 3; copy++) {
        pool(() => {
          under--;
          send(frame).then(resolve, () => resolve(send(frame)));
        });
      }
      // The last ones out: nothing more comes in to draw them.
      if (under > 20) for (const each of later.splice(0)) each();
    });
  const count = 120;
  const ids: string[] = [];
  for (let i = 0; i < count; i++) ids.push(await pair.send(String(i), { key: `key${i % 3}` }));
  for (const each of later.splice(0)) each();
  pair.carry = undefined;
  for (const id of ids) expect((await pair.mac1.wait(id, "delivered", within(60))).state).toBe("delivered");
  const items = pair.mac2.inbox({ limit: 1_000 });
  expect(items.map((item) => item.id).toSorted()).toEqual(ids.toSorted());
  for (const key of ["key0", "key1", "key2"]) {
    const shown = items.filter((item) => item.key === key).map((item) => Number(item.body));
    expect(shown).toEqual(shown.toSorted((a, b) => a - b));
    expect(shown).toHaveLength(count / 3);
  }
  expect(pair.mac2.health().counters["packets_duplicate_total"]).toBeGreaterThan(0);
}, 120_000);

test("T3: packets that were taken are refused as new for ever: replayed after a restart, they are answered and not shown", async () => {
  await using pair = await Pair.start();
  const frames: Frame[] = [];
  pair.carry = (frame, send) => {
    frames.push(frame);
    return send(frame);
  };
  const ids = [await pair.send("one"), await pair.send("two")];
  for (const id of ids) await pair.mac1.wait(id, "delivered", within(20));
  await pair.mac2.remove(ids[0] ?? "");
  await pair.mac2.close();
  pair.mac2 = await pair.open("mac2");
  const link = pair.hub.portOf(frames[0]?.to as never);
  for (const frame of frames) await link?.host.receive(frame.bytes);
  expect(pair.mac2.inbox({ limit: 10 }).map((item) => item.id)).toEqual([ids[1]]);
  expect(pair.mac2.health().counters["packets_taken_total"]).toBe(0);
});

test("an item that waited for the one before it is told of when it is shown", async () => {
  await using pair = await Pair.start();
  let held: string | undefined;
  let release = () => {};
  const released = new Promise<void>((resolve) => (release = resolve));
  // However often it is sent: the first message gets nowhere until it is let go.
  pair.carry = async (frame, send, link) => {
    held ??= frame.id;
    if (frame.id !== held) return send(frame);
    await released;
    return link.send(frame, { signal: new AbortController().signal });
  };
  const one = await pair.send("one", { key: "k" });
  const two = await pair.send("two", { key: "k" });
  await pair.mac1.wait(two, "delivered", within(20));
  expect(pair.mac2.inbox({ limit: 10 })).toEqual([]);
  const shown = new Promise<void>((resolve) => {
    pair.mac2.events.subscribe(({ type, data }) => {
      if (type === "inbox" && data["state"] === "shown") resolve();
    });
  });
  release();
  await shown;
  expect(pair.mac2.inbox({ limit: 10 }).map((item) => item.id)).toEqual([one, two]);
});
