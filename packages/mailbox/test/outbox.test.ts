import { nodeId, packetId, type Sealed } from "@multifleet/core";
import { expect, test, vi } from "vitest";
import type { Slot } from "../src/index.js";
import { openStoreReader } from "../src/store/lmdb.js";
import {
  accept,
  draft,
  emptyDirectory,
  ids,
  mac2,
  open,
  sealer,
  settlement,
  sha256,
  unseal,
} from "./support.js";

const mac3 = nodeId("mac3");

test("a message is numbered, sealed, kept and found again", async () => {
  const box = await open();
  const { code, message } = await accept(box, "a", { subject: "grüße 🚀", key: "s1" });
  expect(code).toBe("accepted");
  expect(message).toMatchObject({ id: "a", seq: 1, state: "accepted", subject: "grüße 🚀", attempts: [] });
  expect(box.message(packetId("a"))).toEqual(message);
  expect(unseal(box.sealed(packetId("a")))).toEqual({ id: "a", seq: 1, base: 1, prev: 0 });
  expect(box.message(packetId("b"))).toBeUndefined();
  expect(box.sealed(packetId("b"))).toBeUndefined();
});

test("all of it is there again after a restart, and numbers go on", async () => {
  const directory = emptyDirectory();
  const before = await open({ directory });
  await accept(before, "a", { key: "s1" });
  await accept(before, "b", { key: "s1" });
  await accept(before, "c", { to: mac3 });
  await before.settle(packetId("a"), settlement("delivered"));
  const message = before.message(packetId("b"));
  await before.close();
  const after = await open({ directory });
  expect(after.stream).toEqual(before.stream);
  expect(after.message(packetId("b"))).toEqual(message);
  expect(ids([...after.pending()])).toEqual(["b", "c"]);
  expect(after.base(mac2)).toBe(2);
  await accept(after, "d", { key: "s1" });
  expect(unseal(after.sealed(packetId("d")))).toMatchObject({ seq: 3, base: 2, prev: 2 });
});

test("each peer has numbers of its own, in the order of the calls", async () => {
  const box = await open();
  const names = Array.from({ length: 40 }, (_, i) => `m${i}`);
  const accepted = await Promise.all(names.map((id, i) => accept(box, id, { to: i % 2 ? mac3 : mac2 })));
  expect(accepted.map(({ message }) => message.seq)).toEqual(names.map((_, i) => Math.floor(i / 2) + 1));
  expect(ids([...box.pending()])).toEqual(names);
});

test("base is the lowest number that is not settled, whatever the order of settling", async () => {
  const box = await open();
  expect(box.base(mac2)).toBe(1);
  for (const id of ["a", "b", "c"]) await accept(box, id);
  expect(box.base(mac2)).toBe(1);
  await box.settle(packetId("b"), settlement("delivered"));
  expect(box.base(mac2)).toBe(1);
  await box.settle(packetId("a"), settlement("expired"));
  expect(box.base(mac2)).toBe(3);
  await box.settle(packetId("c"), settlement("rejected"));
  expect(box.base(mac2)).toBe(4);
  expect(box.base(mac3)).toBe(1);
});

test("prev names the message before it under the same key, settled or not, as long as it is not below base", async () => {
  const box = await open();
  const prev = async (id: string, key: string) => {
    await accept(box, id, { key });
    return unseal(box.sealed(packetId(id))).prev;
  };
  expect(await prev("a", "")).toBe(0);
  expect(await prev("b", "k")).toBe(0);
  expect(await prev("c", "")).toBe(0);
  expect(await prev("d", "k")).toBe(2);
  // d is with the receiver, but a is not: a successor of d still has to wait for it there.
  await box.settle(packetId("d"), settlement("delivered"));
  expect(await prev("e", "k")).toBe(4);
  for (const id of ["a", "b", "c", "e"]) await box.settle(packetId(id), settlement("delivered"));
  expect(await prev("f", "k")).toBe(0);
});

test("prev survives a restart even when the message before it is settled", async () => {
  const directory = emptyDirectory();
  const before = await open({ directory });
  await accept(before, "a", { key: "other" });
  await accept(before, "b", { key: "k" });
  await before.settle(packetId("b"), settlement("delivered"));
  await before.close();
  const after = await open({ directory });
  await accept(after, "c", { key: "k" });
  expect(unseal(after.sealed(packetId("c")))).toMatchObject({ base: 1, prev: 2 });
});

test("the same id with the same fingerprint is the same message, with another it is a conflict", async () => {
  const box = await open();
  await accept(box, "a");
  expect(await accept(box, "a")).toMatchObject({ code: "same", message: { seq: 1 } });
  expect(await accept(box, "a", { fingerprint: sha256("else") })).toMatchObject({ code: "conflict" });
  await box.settle(packetId("a"), settlement("delivered"));
  expect(await accept(box, "a")).toMatchObject({ code: "same", message: { state: "delivered" } });
  expect(box.books()).toMatchObject({ accepted: 1 });
});

test("an id that comes twice at once is one message", async () => {
  const box = await open();
  const codes = await Promise.all([
    accept(box, "a"),
    accept(box, "a"),
    accept(box, "a", { fingerprint: sha256("else") }),
  ]);
  expect(codes.map(({ code }) => code)).toEqual(["accepted", "same", "conflict"]);
  expect(box.books()).toMatchObject({ accepted: 1, pending: 1 });
});

test("when the first of two with one id fails, the second is tried", async () => {
  const box = await open();
  const first = box.accept(draft("a"), () => Promise.reject(new Error("no key")));
  const second = accept(box, "a");
  await expect(first).rejects.toThrow("no key");
  expect(await second).toMatchObject({ code: "accepted", message: { seq: 1 } });
});

test("a seal that takes its time does not change the order of numbers", async () => {
  const box = await open();
  const gates: (() => void)[] = [];
  const slow = (id: string) => (slot: Slot) =>
    new Promise<Sealed>((resolve) => gates.push(() => resolve(sealer(id)(slot))));
  const accepted = [
    box.accept(draft("a", { key: "k" }), slow("a")),
    box.accept(draft("b", { key: "k" }), slow("b")),
    accept(box, "c", { key: "k" }),
    accept(box, "d", { to: mac3 }),
  ];
  // The other peer's goes ahead; these three wait for the first.
  expect(await accepted[3]).toMatchObject({ code: "accepted" });
  gates[1]?.();
  gates[0]?.();
  expect((await Promise.all(accepted)).map(({ message }) => message.seq)).toEqual([1, 2, 3, 1]);
  expect(["a", "b", "c"].map((id) => unseal(box.sealed(packetId(id))).prev)).toEqual([0, 1, 2]);
});

test("a seal that fails leaves no gap: what came behind it is sealed for the number it leaves free", async () => {
  const box = await open();
  let fail: (error: Error) => void = () => undefined;
  const doomed = box.accept(
    draft("a", { key: "k" }),
    () => new Promise<Sealed>((_, reject) => (fail = reject)),
  );
  const [b, c] = [accept(box, "b", { key: "k" }), accept(box, "c", { key: "k" })];
  fail(new Error("no recipient"));
  await expect(doomed).rejects.toThrow("no recipient");
  await Promise.all([b, c]);
  expect(["b", "c"].map((id) => unseal(box.sealed(packetId(id))))).toEqual([
    { id: "b", seq: 1, base: 1, prev: 0 },
    { id: "c", seq: 2, base: 1, prev: 1 },
  ]);
  const thrown = box.accept(draft("d"), () => {
    throw new Error("no gate");
  });
  await expect(thrown).rejects.toThrow("no gate");
  expect(box.books()).toMatchObject({ accepted: 2, pending: 2 });
  await box.settle(packetId("b"), settlement("delivered"));
  await box.settle(packetId("c"), settlement("delivered"));
  expect(box.base(mac2)).toBe(3);
});

test("a message settles once; a receiver's late receipt alone corrects an expiry or a cancellation", async () => {
  const box = await open();
  for (const id of ["a", "b", "c", "d"]) await accept(box, id);
  const settle = (id: string, state: Parameters<typeof settlement>[0], given = {}) =>
    box.settle(packetId(id), { ...settlement(state), ...given });
  expect(await settle("a", "expired")).toBe(true);
  expect(await settle("a", "cancelled")).toBe(false);
  expect(await settle("a", "rejected")).toBe(false);
  expect(await settle("a", "delivered", { receipt: new Uint8Array() })).toBe(false);
  expect(await settle("a", "delivered")).toBe(true);
  expect(await settle("a", "delivered")).toBe(false);
  expect(await settle("b", "cancelled")).toBe(true);
  expect(await settle("b", "delivered")).toBe(true);
  expect(await settle("c", "rejected")).toBe(true);
  expect(await settle("c", "delivered")).toBe(false);
  expect(await settle("nobody", "expired")).toBe(false);
  expect(["a", "b", "c", "d"].map((id) => box.message(packetId(id))?.state)).toEqual([
    "delivered",
    "delivered",
    "rejected",
    "accepted",
  ]);
  expect(box.books()).toEqual({
    accepted: 4,
    delivered: 2,
    expired: 0,
    rejected: 1,
    cancelled: 0,
    pending: 1,
  });
  expect(ids(box.deadLetters(10))).toEqual(["c"]);
  expect(ids(box.messages({ state: "delivered", limit: 10 }))).toEqual(["b", "a"]);
});

test("of two settlements at once one counts", async () => {
  const box = await open();
  await accept(box, "a");
  const results = await Promise.all([
    box.settle(packetId("a"), settlement("delivered")),
    box.settle(packetId("a"), settlement("expired")),
  ]);
  expect(results).toEqual([true, false]);
  expect(box.books()).toMatchObject({ delivered: 1, expired: 0, pending: 0 });
});

test("the sealed bytes go with the delivery, and stay with a dead letter", async () => {
  const box = await open();
  for (const id of ["a", "b"]) await accept(box, id);
  await box.settle(packetId("a"), settlement("delivered"));
  await box.settle(packetId("b"), settlement("expired"));
  expect(box.sealed(packetId("a"))).toBeUndefined();
  expect(unseal(box.sealed(packetId("b")))).toMatchObject({ id: "b" });
  await box.settle(packetId("b"), settlement("delivered"));
  expect(box.sealed(packetId("b"))).toBeUndefined();
});

test("lists are the newest first, by state, and hold no notices", async () => {
  const directory = emptyDirectory();
  const box = await open({ directory });
  for (const id of ["a", "b", "c", "d", "e"]) await accept(box, id);
  await accept(box, "n1", { kind: "notice" });
  await accept(box, "n2", { kind: "notice" });
  await box.settle(packetId("n2"), settlement("expired"));
  await box.settle(packetId("d"), settlement("expired"));
  await box.settle(packetId("b"), settlement("rejected"));
  await box.settle(packetId("c"), settlement("cancelled"));
  box.progress(packetId("a"), [{ channel: "http", at: 1, ms: 2, outcome: "stored" }]);
  await box.close();
  const again = await open({ directory });
  expect(ids(again.messages({ limit: 10 }))).toEqual(["e", "d", "c", "b", "a"]);
  expect(ids(again.messages({ limit: 2 }))).toEqual(["e", "d"]);
  expect(ids(again.messages({ state: "accepted", limit: 10 }))).toEqual(["e"]);
  expect(ids(again.messages({ state: "sent", limit: 10 }))).toEqual(["a"]);
  expect(ids(again.deadLetters(10))).toEqual(["c", "b", "d"]);
  expect(ids(again.deadLetters(2))).toEqual(["c", "b"]);
  expect(ids([...again.pending()])).toEqual(["a", "e", "n1"]);
  expect(again.books()).toEqual({
    accepted: 5,
    delivered: 0,
    expired: 1,
    rejected: 1,
    cancelled: 1,
    pending: 2,
  });
});

test("attempts are kept, the newest fifty, and make a message sent once a carrier took it", async () => {
  const directory = emptyDirectory();
  const box = await open({ directory });
  await accept(box, "a");
  await accept(box, "b");
  const failed = { channel: "http", at: 1, ms: 3, outcome: "UNREACHABLE", reason: "r".repeat(10_000) };
  box.progress(packetId("a"), [
    ...Array.from({ length: 60 }, (_, at) => ({ ...failed, at })),
    { channel: "ipc", at: 99 },
  ]);
  box.progress(packetId("b"), [failed]);
  box.progress(packetId("b"), [failed, { channel: "seed", at: 2, ms: 1, outcome: "stored" }]);
  box.progress(packetId("b"), [failed, { channel: "seed", at: 2, ms: 1, outcome: "stored" }, failed]);
  box.progress(packetId("nobody"), [failed]);
  await box.close();
  const again = await open({ directory });
  const { attempts = [], state } = again.message(packetId("a")) ?? {};
  expect(state).toBe("accepted");
  expect(attempts).toHaveLength(50);
  expect(attempts[0]).toEqual({ ...failed, at: 11, reason: "r".repeat(256) });
  expect(attempts.at(-1)).toEqual({ channel: "ipc", at: 99 });
  expect(again.message(packetId("b"))).toMatchObject({ state: "sent", attempts: { length: 3 } });
});

test("progress is written a moment later, though nobody waits for it", async () => {
  const box = await open();
  await accept(box, "a");
  vi.useFakeTimers({ toFake: ["setTimeout"] });
  try {
    box.progress(packetId("a"), [{ channel: "http", at: 1, ms: 3, outcome: "stored" }]);
    await box.put("earlier", 1);
    expect(box.message(packetId("a"))?.state).toBe("accepted");
    vi.advanceTimersByTime(100);
    await box.put("later", 1);
    expect(box.message(packetId("a"))?.state).toBe("sent");
  } finally {
    vi.useRealTimers();
  }
});

test("only a delivered message is surfaced, once", async () => {
  const box = await open();
  await accept(box, "a");
  expect(await box.markSurfaced(packetId("a"), 7)).toBe(false);
  await box.settle(packetId("a"), settlement("delivered"));
  expect(await box.markSurfaced(packetId("a"), 8)).toBe(true);
  expect(await box.markSurfaced(packetId("a"), 9)).toBe(false);
  expect(await box.markSurfaced(packetId("b"), 9)).toBe(false);
  expect(box.message(packetId("a"))).toMatchObject({
    state: "delivered",
    surfacedAt: 8,
    receipt: new Uint8Array([1, 2, 3]),
  });
});

test("a full outbox refuses what is new and drops nothing", async () => {
  const directory = emptyDirectory();
  const box = await open({ directory, limits: { messages: 3, bytes: 1_000 } });
  const first = ["a", "b", "c", "d"].map((id) => accept(box, id));
  await expect(first[3]).rejects.toMatchObject({ name: "MailboxError", code: "QUOTA" });
  await Promise.all(first.slice(0, 3));
  expect(await accept(box, "a")).toMatchObject({ code: "same" });
  expect(await accept(box, "n", { kind: "notice" })).toMatchObject({ code: "accepted" });
  await box.settle(packetId("a"), settlement("delivered"));
  const large = box.accept(draft("e"), sealer("e", 900));
  await expect(large).rejects.toMatchObject({ code: "QUOTA" });
  expect(await accept(box, "e")).toMatchObject({ code: "accepted" });
  await box.close();
  const again = await open({ directory, limits: { messages: 3, bytes: 1_000 } });
  await expect(accept(again, "f")).rejects.toMatchObject({ code: "QUOTA" });
  expect(again.books()).toMatchObject({ accepted: 4, pending: 3 });
});

test("settled messages are forgotten after the retention, their ids with them, and the books still balance", async () => {
  let now = 1_000_000;
  const box = await open({ retention: 1_000, now: () => now });
  for (let i = 0; i < 100; i++) await accept(box, `m${i}`);
  await accept(box, "n", { kind: "notice" });
  const states = ["delivered", "expired", "rejected", "cancelled"] as const;
  for (let i = 0; i < 90; i++)
    await box.settle(packetId(`m${i}`), settlement(states[i % 4] ?? "expired", now));
  await box.settle(packetId("n"), settlement("delivered", now));
  now += 999;
  await box.put("tick", now);
  expect(box.messages({ limit: 200 })).toHaveLength(100);
  expect(await accept(box, "m3")).toMatchObject({ code: "same" });
  now += 2;
  for (let i = 0; i < 10; i++) await box.put("tick", i);
  expect(box.messages({ limit: 200 })).toHaveLength(10);
  expect(box.deadLetters(100)).toEqual([]);
  expect(box.message(packetId("n"))).toBeUndefined();
  expect(box.books()).toMatchObject({ accepted: 100, pending: 10 });
  expect(await accept(box, "m3")).toMatchObject({ code: "accepted", message: { seq: 102 } });
});

test("ordering keys leave little behind when their messages are settled", async () => {
  const directory = emptyDirectory();
  const box = await open({ directory });
  for (let round = 0; round < 12; round++) {
    const names = Array.from({ length: 50 }, (_, i) => `m${round * 50 + i}`);
    await Promise.all(names.map((id) => accept(box, id, { key: `key of ${id}` })));
    await Promise.all(names.map((id) => box.settle(packetId(id), settlement("delivered"))));
  }
  await box.close();
  const store = openStoreReader(directory);
  expect(store.keys({ from: "l/", to: "l0", limit: 1_000 }).length).toBeLessThan(200);
  await store.close();
});
