import { describe, expect, test } from "vitest";
import { retryWait } from "../src/retry.js";
import { defaultSettings } from "../src/index.js";
import { channels, Hand, started } from "./hand.js";

test("waits are drawn from a range that doubles from 250 ms to 30 s", () => {
  const most = (step: number) => retryWait(step, defaultSettings, () => 1);
  expect([0, 1, 2, 3, 4, 5, 6, 7, 8, 100].map(most)).toEqual([
    250, 500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000,
  ]);
  expect(retryWait(7, defaultSettings, () => 0.5)).toBe(15_000);
});

function allDown(count: number): Hand {
  const hand = new Hand();
  hand.open("http", 2);
  for (let i = 0; i < count; i++) for (const start of hand.submit(`m${i}`)) hand.fail(start, "UNREACHABLE");
  return hand;
}

test("one message of all that wait tries, each time the one timer fires", () => {
  const hand = allDown(1_000);
  expect(started(hand.commands)).toHaveLength(1);
  const before = hand.commands.length;
  let tries = 0;
  for (let i = 0; i < 120; i++) {
    for (const start of hand.pass(1_000)) {
      tries++;
      hand.fail(start, "UNREACHABLE");
    }
  }
  // Ever rarer: 0.25, 0.5, 1, 2, 4, 8, 16 and then 30 seconds.
  expect(tries).toBeGreaterThan(7);
  expect(tries).toBeLessThan(14);
  const armed = hand.commands.slice(before).filter(({ kind }) => kind === "arm");
  expect(armed.length).toBeLessThan(3 * tries);
});

describe("a recovery", () => {
  for (const [event, announce] of [
    ["of the medium", (hand: Hand) => hand.medium("http", "up")],
    ["that is heard", (hand: Hand) => hand.heard("http")],
    ["that a hello tells", (hand: Hand) => hand.heard("http", true)],
  ] as const) {
    test(`${event} fires the retry now, one message first, and the rest upon its success`, () => {
      const hand = allDown(500);
      hand.pass(60_000);
      for (const { attempt } of started(hand.commands)) {
        hand.give({ kind: "failed", attempt, code: "UNREACHABLE", reason: "" });
      }
      const probe = announce(hand);
      expect(probe).toHaveLength(1);
      hand.now += 2;
      const queue = [...hand.succeed(probe[0]), ...started(hand.settle(probe[0]?.id ?? ""))];
      // Two after the first success, then ever more: nobody is run over who has just come back.
      expect(queue.length).toBe(2);
      let most = 0;
      let delivered = 1;
      for (let start = queue.shift(); start !== undefined; start = queue.shift()) {
        hand.now += 0.1;
        most = Math.max(most, queue.length + 1);
        queue.push(...hand.succeed(start), ...started(hand.settle(start.id)));
        delivered++;
      }
      expect(delivered).toBe(500);
      expect(most).toBeGreaterThan(100);
      expect(most).toBeLessThanOrEqual(256);
      expect(hand.cascade.load.shipments).toBe(0);
    });

    test(`${event} starts the waits anew`, () => {
      const hand = allDown(1);
      for (let i = 0; i < 10; i++) for (const start of hand.pass(20_000)) hand.fail(start, "UNREACHABLE");
      hand.fail(announce(hand)[0], "UNREACHABLE");
      expect(hand.pass(300)).toHaveLength(1);
    });
  }

  test("by a newly opened channel is used at once, and by all", () => {
    const hand = allDown(200);
    hand.play(20_000, 50, (start) => hand.fail(start, "UNREACHABLE"));
    hand.open("ssh", 5);
    hand.play(1_000, 1, (start) => {
      if (start.channel === "ssh") hand.deliver(start);
      else hand.fail(start, "UNREACHABLE");
    });
    expect(hand.cascade.load.shipments).toBe(0);
  });

  test("that a packet of our own finds out, such as a hello, is one too", () => {
    const hand = allDown(200);
    hand.play(600_000, 500, (start) => hand.fail(start, "UNREACHABLE"));
    const [hello] = hand.submit("hello", { mode: "once", via: "http" });
    hand.succeed(hello);
    hand.play(100, 1, (start) => start.id !== "hello" && hand.deliver(start));
    expect(hand.cascade.load.shipments).toBe(0);
  });
});

test("a message that hung with its only channel is sent again within a second of what says that it is back", () => {
  for (const announce of [
    (hand: Hand) => hand.medium("http", "up"),
    (hand: Hand) => hand.heard("http"),
    (hand: Hand) => hand.heard("http", true),
  ]) {
    for (const elapsed of [1, 100, 300, 4_000, 60_000]) {
      let draws: number[] = [];
      const hand = new Hand({ random: () => draws.shift() ?? 0.99 });
      hand.open("http", 2);
      hand.warm("http", 2);
      hand.submit("a");
      hand.pass(elapsed / 2);
      hand.medium("http", "down");
      hand.pass(elapsed / 2);
      // Were the waits drawn as for any retry, these would lead past the second.
      draws = [0.3, 0.2];
      const soon = [...announce(hand), ...hand.pass(1_000)];
      expect(channels(soon)).toContain("http");
    }
  }
});

test("a message for a peer that was down just now waits for the retry; with nothing pending for long it goes at once", () => {
  const hand = allDown(1);
  hand.pass(100);
  hand.settle("m0");
  expect(hand.submit("soon")).toEqual([]);
  hand.settle("soon");
  expect(hand.armed).toBeUndefined();
  hand.now += 31_000;
  expect(channels(hand.submit("late"))).toEqual(["http"]);
});

test("messages that only one dead channel may carry do not hold up those that another can", () => {
  const hand = new Hand({ random: () => 0.5 });
  hand.open("ssh", 1);
  hand.open("http", 2);
  for (let i = 0; i < 500; i++) hand.submit(`s${i}`, { via: "ssh" });
  hand.submit("h", { via: "http" });
  let busy = true;
  hand.play(5_000, 20, (start) => {
    if (start.channel === "ssh") hand.fail(start, "UNREACHABLE");
    else if (busy) hand.fail(start, "BUSY");
    else hand.deliver(start);
    busy = busy && start.channel === "ssh";
  });
  expect(hand.cascade.load.shipments).toBe(500);
});

test("a long queue is gone through in turns, so that no input is slow", () => {
  const hand = new Hand();
  for (let i = 0; i < 2_000; i++) hand.submit(`m${i}`, { size: 5_000 });
  hand.open("small", 2, { most: 1_000 });
  expect(hand.armed).toBe(hand.now + 1);
  hand.pass(20);
  expect(hand.armed ?? 0).toBeGreaterThan(hand.now + 1);
});

test("a hundred thousand messages for a dead peer cost one input as much as ten", () => {
  const hand = allDown(100_000);
  expect(hand.cascade.load).toEqual({ shipments: 100_000, peers: 1 });
  for (const event of ["timer", "medium", "heard", "settled"] as const) {
    const commands = {
      timer: () => hand.pass(1_000),
      medium: () => hand.medium("http", "down"),
      heard: () => hand.heard("http"),
      settled: () => hand.settle("m5"),
    }[event]();
    expect(commands.length).toBeLessThan(6);
  }
});

test("nothing is armed where nothing waits", () => {
  const hand = new Hand();
  hand.open("http", 2);
  expect(hand.armed).toBeUndefined();
  const [start] = hand.submit("a");
  expect(hand.armed).toBeDefined();
  hand.deliver(start);
  expect(hand.armed).toBeUndefined();
});
