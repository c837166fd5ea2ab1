import { nodeId, packetId } from "@multifleet/core";
import { expect, test, vi } from "vitest";
import { arrival, emptyDirectory, ids, mac1, open, sha256, streamA } from "./support.js";

const mac3 = nodeId("mac3");
const delivered = { outcome: "delivered", reason: "" };

test("a packet is taken once and remembered, and its item is shown", async () => {
  const box = await open();
  expect(await box.take(arrival(1, { body: "grüße 🚀", toSession: "s9" }))).toEqual({
    code: "fresh",
    ...delivered,
  });
  expect(await box.take(arrival(1, { body: "grüße 🚀", toSession: "s9" }))).toEqual({
    code: "again",
    ...delivered,
  });
  const item = box.item(packetId("m1"));
  expect(item).toMatchObject({ from: mac1, body: "grüße 🚀", toSession: "s9", position: 1, surfacedAt: 0 });
  expect(box.inbox({ limit: 10 })).toEqual([item]);
});

test("copies that come at once are one item", async () => {
  const box = await open();
  const taken = await Promise.all([1, 2, 1, 1, 2].map((seq) => box.take(arrival(seq))));
  expect(taken.map(({ code }) => code)).toEqual(["fresh", "fresh", "again", "again", "again"]);
  expect(ids(box.inbox({ limit: 10 }))).toEqual(["m1", "m2"]);
});

test("another packet under a number that is taken is a conflict, and changes nothing", async () => {
  const box = await open();
  await box.take(arrival(1));
  expect(await box.take(arrival(1, { digest: sha256("else"), body: "else" }))).toEqual({ code: "conflict" });
  expect(box.item(packetId("m1"))?.body).toBe("body 1");
});

test("the same number of another sender, or of another store of the same sender, is another packet", async () => {
  const box = await open();
  const streams = [{}, { from: mac3 }, { stream: new Uint8Array(16).fill(0xb) }];
  for (const [i, given] of streams.entries())
    expect(await box.take(arrival(1, { ...given, id: packetId(`x${i}`) }))).toMatchObject({ code: "fresh" });
  expect(box.inbox({ limit: 10 })).toHaveLength(3);
});

test("what a sender settled is stale afterwards, the number at the floor itself is not", async () => {
  const box = await open();
  expect(await box.take(arrival(5, { base: 5 }))).toMatchObject({ code: "fresh" });
  expect(await box.take(arrival(4))).toEqual({ code: "stale" });
  box.advance(mac1, streamA, 7);
  expect(await box.take(arrival(7, { base: 7 }))).toMatchObject({ code: "fresh" });
  expect(await box.take(arrival(6))).toEqual({ code: "stale" });
  expect(await box.take(arrival(7, { base: 7 }))).toMatchObject({ code: "again" });
  expect(await box.take(arrival(5, { base: 5 }))).toEqual({ code: "stale" });
  expect(ids(box.inbox({ limit: 10 }))).toEqual(["m5", "m7"]);
});

test("a floor that is lifted by itself, with nothing else to write, is there after a restart", async () => {
  const directory = emptyDirectory();
  const before = await open({ directory });
  for (const seq of [1, 2, 3]) await before.take(arrival(seq));
  vi.useFakeTimers({ toFake: ["setTimeout"] });
  before.advance(mac1, streamA, 3);
  vi.advanceTimersByTime(100);
  vi.useRealTimers();
  // Answered after the commit of the floor, and asks for none itself.
  expect(await before.remove(packetId("none"))).toBe(false);
  await before.put("later", 1);
  await before.close();
  const after = await open({ directory });
  expect(await after.take(arrival(1))).toEqual({ code: "stale" });
  expect(await after.take(arrival(3))).toMatchObject({ code: "again" });
});

test("a base that is lower than one seen before changes nothing", async () => {
  const box = await open();
  await box.take(arrival(9, { base: 9 }));
  expect(await box.take(arrival(3, { base: 2 }))).toEqual({ code: "stale" });
});

test("what was taken is known after a restart and whatever the clock says, even when the item was removed", async () => {
  const directory = emptyDirectory();
  const before = await open({ directory, now: () => 1_000_000_000_000 });
  await before.take(arrival(1));
  await before.take(arrival(2, { reject: "expired" }));
  expect(await before.remove(packetId("m1"))).toBe(true);
  expect(await before.remove(packetId("m1"))).toBe(false);
  await before.close();
  const after = await open({ directory, now: () => 1, retention: 0 });
  for (let i = 0; i < 5; i++) await after.put("tick", i);
  expect(await after.take(arrival(1))).toEqual({ code: "again", ...delivered });
  expect(await after.take(arrival(2))).toEqual({ code: "again", outcome: "rejected", reason: "expired" });
  expect(after.inbox({ limit: 10 })).toEqual([]);
});

test("a rejected packet is remembered with its reason and shown to nobody", async () => {
  const box = await open();
  const rejected = { outcome: "rejected", reason: "unknown_type" };
  expect(await box.take(arrival(1, { reject: "unknown_type" }))).toEqual({ code: "fresh", ...rejected });
  expect(await box.take(arrival(1))).toEqual({ code: "again", ...rejected });
  expect(box.inbox({ limit: 10 })).toEqual([]);
});

test("a notice is taken once and shown to nobody", async () => {
  const box = await open();
  expect(await box.take(arrival(1, { kind: "notice" }))).toMatchObject({ code: "fresh" });
  expect(await box.take(arrival(1, { kind: "notice" }))).toMatchObject({ code: "again" });
  expect(box.inbox({ limit: 10 })).toEqual([]);
});

test("an item waits for the one before it, over a restart, and positions follow the order of showing", async () => {
  const directory = emptyDirectory();
  const before = await open({ directory });
  await before.take(arrival(3, { prev: 2 }));
  await before.take(arrival(4));
  // It has come, but waits itself: what comes behind it must not overtake it.
  await before.take(arrival(2, { prev: 1 }));
  expect(ids(before.inbox({ limit: 10 }))).toEqual(["m4"]);
  expect(before.item(packetId("m2"))).toBeUndefined();
  expect(before.stats().held).toBe(2);
  await before.close();
  let shown = 0;
  const after = await open({ directory, onShown: () => shown++ });
  expect(after.stats().held).toBe(2);
  expect(await after.take(arrival(3, { prev: 2 }))).toMatchObject({ code: "again" });
  await after.take(arrival(1));
  expect(after.inbox({ limit: 10 }).map(({ id, position }) => [id, position])).toEqual([
    ["m4", 1],
    ["m1", 2],
    ["m2", 3],
    ["m3", 4],
  ]);
  expect(after.stats().held).toBe(0);
  expect(shown).toBe(1);
});

test("an item is shown when its predecessor is settled at the sender without having come", async () => {
  const box = await open();
  await box.take(arrival(3, { prev: 2 }));
  await box.take(arrival(2, { prev: 1 }));
  expect(box.inbox({ limit: 10 })).toEqual([]);
  box.advance(mac1, streamA, 2);
  await box.put("next commit", 1);
  expect(ids(box.inbox({ limit: 10 }))).toEqual(["m2", "m3"]);
});

test("a packet's own base releases what waited, in the order of the chain", async () => {
  const box = await open();
  await box.take(arrival(4, { prev: 3 }));
  await box.take(arrival(3, { prev: 2 }));
  await box.take(arrival(9, { base: 6 }));
  expect(ids(box.inbox({ limit: 10 }))).toEqual(["m3", "m4", "m9"]);
});

test("a rejected packet in a chain does not let its successors overtake what is before it", async () => {
  const box = await open();
  await box.take(arrival(2, { prev: 1, reject: "unknown_type" }));
  await box.take(arrival(3, { prev: 2 }));
  await box.take(arrival(5, { prev: 4, kind: "notice" }));
  await box.take(arrival(6, { prev: 5 }));
  expect(box.inbox({ limit: 10 })).toEqual([]);
  await box.take(arrival(1));
  await box.take(arrival(4));
  expect(ids(box.inbox({ limit: 10 }))).toEqual(["m1", "m3", "m4", "m6"]);
});

test("a packet that names itself as its predecessor is shown at once", async () => {
  const box = await open();
  await box.take(arrival(3, { prev: 3 }));
  expect(ids(box.inbox({ limit: 10 }))).toEqual(["m3"]);
});

test("a thousand that wait for one are shown in order, a part with each commit, over a restart too", async () => {
  const directory = emptyDirectory();
  const before = await open({ directory });
  const count = 1_000;
  await Promise.all(
    Array.from({ length: count }, (_, i) => before.take(arrival(i + 2, { prev: i + 1, body: "x" }))),
  );
  expect(before.stats().held).toBe(count);
  await before.take(arrival(1));
  const first = before.inbox({ limit: 2_000 });
  expect(first.length).toBeLessThan(count);
  // It comes while others are still on their way to be shown, and goes behind them.
  await before.take(arrival(count + 2, { prev: count + 1 }));
  await before.close();
  const after = await open({ directory });
  for (let i = 0; after.stats().held > 0 && i < 20; i++) await after.put("tick", i);
  const seqs = after.inbox({ limit: 2_000 }).map(({ id }) => Number(id.slice(1)));
  expect(seqs).toEqual(Array.from({ length: count + 2 }, (_, i) => i + 1));
});

test("what waits is shown part by part without anything else happening, and nothing passes it", async () => {
  const count = 600;
  let look: () => void = () => undefined;
  const box = await open({ onShown: () => look() });
  await Promise.all(Array.from({ length: count }, (_, i) => box.take(arrival(i + 2, { prev: i + 1 }))));
  const all = new Promise<void>((resolve) => {
    look = () => {
      if (box.inbox({ limit: 1_000 }).length === count + 2) resolve();
    };
  });
  // The first lifts the floor above all of them, which are too many for one commit; the second is the last one's successor.
  await Promise.all([
    box.take(arrival(900, { base: 800 })),
    box.take(arrival(901, { base: 800, prev: count + 1 })),
  ]);
  expect(box.stats().held).toBeGreaterThan(0);
  await all;
  expect(box.stats().held).toBe(0);
  const seqs = box.inbox({ limit: 1_000 }).map(({ id }) => Number(id.slice(1)));
  const chain = seqs.filter((seq) => seq !== 900);
  expect(chain).toEqual([...Array.from({ length: count }, (_, i) => i + 2), 901]);
});

test("the inbox is read by session, by what is new, and from a position on", async () => {
  const box = await open();
  const sessions = ["", "a", "a/0", "a", "", "é/1/"];
  for (const [i, toSession] of sessions.entries()) await box.take(arrival(i + 1, { toSession }));
  expect(await box.surface(packetId("m2"), 77)).toBe(true);
  expect(await box.surface(packetId("m2"), 78)).toBe(false);
  expect(await box.surface(packetId("none"), 78)).toBe(false);
  expect(box.item(packetId("m2"))?.surfacedAt).toBe(77);
  const read = (filter: object) => ids(box.inbox({ limit: 10, ...filter }));
  expect(read({})).toEqual(["m1", "m2", "m3", "m4", "m5", "m6"]);
  expect(read({ after: 4 })).toEqual(["m5", "m6"]);
  expect(read({ limit: 2 })).toEqual(["m1", "m2"]);
  expect(read({ unsurfaced: true })).toEqual(["m1", "m3", "m4", "m5", "m6"]);
  expect(read({ toSession: "a" })).toEqual(["m2", "m4"]);
  expect(read({ toSession: "a", unsurfaced: true })).toEqual(["m4"]);
  expect(read({ toSession: "" })).toEqual(["m1", "m5"]);
  expect(read({ toSession: "", after: 1 })).toEqual(["m5"]);
  expect(read({ toSession: "é/1/" })).toEqual(["m6"]);
  await box.remove(packetId("m4"));
  expect(read({ toSession: "a" })).toEqual(["m2"]);
});

test("an id that two senders used means the first item that is not surfaced, or the one of the sender named", async () => {
  const box = await open();
  const id = packetId("same");
  await box.take(arrival(1, { id, body: "of mac1" }));
  await box.take(arrival(1, { id, from: mac3, body: "of mac3" }));
  expect(box.item(id)?.body).toBe("of mac1");
  expect(box.item(id, mac3)?.body).toBe("of mac3");
  expect(await box.surface(id, 5)).toBe(true);
  expect(box.item(id)?.body).toBe("of mac3");
  expect(await box.surface(id, 6, mac1)).toBe(false);
  expect(await box.surface(id, 6)).toBe(true);
  expect(await box.surface(id, 7)).toBe(false);
  expect(await box.remove(id, mac3)).toBe(true);
  expect(box.item(id)?.body).toBe("of mac1");
});

test("surfaced items are forgotten after the retention; what was not surfaced stays", async () => {
  let now = 1_000_000;
  const box = await open({ retention: 1_000, now: () => now });
  await Promise.all(Array.from({ length: 80 }, (_, i) => box.take(arrival(i + 1))));
  for (let i = 0; i < 70; i++) await box.surface(packetId(`m${i + 1}`), now);
  now += 1_000;
  await box.put("tick", 0);
  expect(box.inbox({ limit: 100 })).toHaveLength(80);
  now += 1;
  for (let i = 0; i < 5; i++) await box.put("tick", i);
  expect(box.inbox({ limit: 100 })).toHaveLength(10);
  expect(box.item(packetId("m1"))).toBeUndefined();
  expect(await box.take(arrival(1))).toMatchObject({ code: "again" });
  await box.take(arrival(81));
  expect(box.item(packetId("m81"))?.position).toBe(81);
});

test("a receipt is owed until it is paid, and again when the packet comes again", async () => {
  const directory = emptyDirectory();
  const before = await open({ directory });
  await before.take(arrival(1, { owe: true }));
  await before.take(arrival(2, { owe: true, reject: "expired" }));
  await before.take(arrival(1, { owe: true, from: mac3 }));
  await before.take(arrival(3));
  const [one, two, ...more] = before.owed(mac1).toSorted((a, b) => (a.id < b.id ? -1 : 1));
  expect(more).toEqual([]);
  expect(one).toEqual({ id: "m1", to: mac1, digest: arrival(1).digest, ...delivered });
  expect(two).toMatchObject({ id: "m2", outcome: "rejected", reason: "expired" });
  before.paid(mac1, arrival(1).digest);
  expect(ids(before.owed(mac1))).toEqual(["m2"]);
  expect(before.owed()).toHaveLength(2);
  expect(before.owed(undefined, 1)).toHaveLength(1);
  await before.close();
  const after = await open({ directory });
  expect(ids(after.owed(mac1))).toEqual(["m2"]);
  expect(await after.take(arrival(1, { owe: true }))).toMatchObject({ code: "again" });
  expect(after.owed(mac1)).toHaveLength(2);
  after.paid(mac1, arrival(1).digest);
  await after.take(arrival(1, { owe: true }));
  expect(after.owed(mac1)).toHaveLength(2);
});

test("a debt ends when its sender has settled the packet", async () => {
  const box = await open();
  await box.take(arrival(1, { owe: true }));
  await box.take(arrival(2, { owe: true }));
  box.advance(mac1, streamA, 2);
  await box.take(arrival(3, { base: 2 }));
  expect(ids(box.owed())).toEqual(["m2"]);
});
