import { expect, test } from "vitest";
import { channels, dawn, Hand, started } from "./hand.js";

function sleeper(): Hand {
  const hand = new Hand({ random: () => 0.5 });
  hand.open("http", 2);
  hand.open("wol", 6, { effect: "wakes" });
  return hand;
}

function wakes(hand: Hand): number {
  return channels(started(hand.commands)).filter((channel) => channel === "wol").length;
}

test("a machine that answers is not woken", () => {
  const hand = sleeper();
  hand.warm("http", 5, 30);
  const [http] = hand.submit("a");
  hand.fail(http, "BUSY");
  for (let i = 0; i < 1_000; i++) for (const start of hand.pass(10)) hand.fail(start, "BUSY");
  expect(wakes(hand)).toBe(0);
});

test("a sleeping machine is woken once, and gets everything at its hello", () => {
  const hand = sleeper();
  for (let i = 0; i < 20; i++) hand.submit(`m${i}`);
  for (let i = 0; i < 40; i++) {
    for (const start of hand.pass(1_000)) if (start.channel === "wol") hand.succeed(start, "wakes");
  }
  expect(wakes(hand)).toBe(1);
  const queue = [...hand.heard("http", true)];
  for (let start = queue.shift(); start !== undefined; start = queue.shift()) {
    queue.push(...hand.pass(2), ...hand.succeed(start), ...started(hand.settle(start.id)));
    if (queue.length === 0) queue.push(...hand.pass(100));
  }
  expect(hand.cascade.load.shipments).toBe(0);
  expect(hand.now - dawn).toBeLessThan(42_000);
});

test("it is never woken twice within thirty seconds, and ever more seldom while it sleeps on", () => {
  const hand = sleeper();
  const at: number[] = [];
  for (let i = 0; i < 3_600; i++) {
    if (i % 7 === 0) for (const start of hand.submit(`m${i}`)) if (start.channel === "wol") at.push(hand.now);
    for (const start of hand.pass(1_000)) {
      if (start.channel === "wol") {
        at.push(start.at + dawn);
        hand.succeed(start, "wakes");
      } else hand.fail(start, "UNREACHABLE");
    }
    if (i % 31 === 0) hand.heard("wol", true);
  }
  const gaps = at.slice(1).map((time, i) => time - (at[i] ?? 0));
  expect(Math.min(...gaps)).toBeGreaterThanOrEqual(30_000);
  expect(at.length).toBeGreaterThan(5);
});

test("even a shorter setting wakes it at most each thirty seconds", () => {
  const hand = new Hand({ random: () => 0.5, settings: { wakeGap: 1 } });
  hand.open("wol", 6, { effect: "wakes" });
  hand.submit("a");
  for (let i = 0; i < 300; i++) for (const start of hand.pass(1_000)) hand.fail(start, "UNREACHABLE");
  expect(wakes(hand)).toBeGreaterThan(2);
  expect(wakes(hand)).toBeLessThanOrEqual(10);
});

test("a packet that is sent once wakes nobody", () => {
  const hand = sleeper();
  const [http] = hand.submit("a", { mode: "once" });
  expect(hand.fail(http, "UNREACHABLE")).toEqual([]);
  expect(wakes(hand)).toBe(0);
});
