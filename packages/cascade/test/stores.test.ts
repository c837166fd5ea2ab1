import { expect, test } from "vitest";
import { channels, Hand, started } from "./hand.js";

function withStores(): Hand {
  const hand = new Hand({ random: () => 0.5 });
  hand.open("http", 2);
  hand.open("seed", 4, { effect: "stores" });
  hand.open("git", 7, { effect: "stores" });
  return hand;
}

/** What was ever written to `channel` for `id`. */
function writes(hand: Hand, channel: string, id = "a"): number {
  return started(hand.commands).filter((start) => start.channel === channel && start.id === id).length;
}

test("where a channel that delivers answers, no store is written", () => {
  const hand = withStores();
  hand.warm("http", 100, 50);
  expect(channels(started(hand.commands)).includes("seed")).toBe(false);
});

test("where every channel that delivers is known to be down, the best store is written at once", () => {
  const hand = withStores();
  const [http] = hand.submit("a");
  expect(channels(hand.fail(http, "UNREACHABLE"))).toEqual(["seed"]);
});

test("a hiccup does not fill the stores: they wait a quarter of a second for a silent channel", () => {
  const hand = withStores();
  hand.warm("http", 2);
  const [http] = hand.submit("a");
  expect(hand.pass(240)).toEqual([]);
  hand.deliver(http);
  hand.submit("b");
  expect(hand.pass(260).map(({ channel }) => channel)).toContain("seed");
});

test("a store is written once, and then the receipt is waited for while what delivers is tried on", () => {
  const hand = withStores();
  const [http] = hand.submit("a");
  const [seed] = hand.fail(http, "UNREACHABLE");
  hand.succeed(seed, "stores");
  for (let i = 0; i < 50; i++) for (const start of hand.pass(1_000)) hand.fail(start, "UNREACHABLE");
  expect(writes(hand, "seed")).toBe(1);
  expect(writes(hand, "git")).toBe(0);
  expect(writes(hand, "http")).toBeGreaterThan(5);
  expect(channels(hand.medium("http", "up"))).toEqual(["http"]);
  expect(hand.settle("a").some(({ kind }) => kind === "abort")).toBe(false);
  expect(hand.cascade.load.shipments).toBe(0);
});

test("a store that brings no receipt in a minute is followed by the next store, each once", () => {
  const hand = withStores();
  const [http] = hand.submit("a");
  const [seed] = hand.fail(http, "UNREACHABLE");
  hand.succeed(seed, "stores");
  for (let i = 0; i < 600; i++) {
    for (const start of hand.pass(1_000)) {
      if (start.channel === "git") hand.succeed(start, "stores");
      else hand.fail(start, "UNREACHABLE");
    }
    expect(writes(hand, "git")).toBe(i < 59 ? 0 : 1);
  }
  expect(writes(hand, "seed")).toBe(1);
});

test("a store that is opened anew is written once more", () => {
  const hand = withStores();
  const [http] = hand.submit("a");
  const [seed] = hand.fail(http, "UNREACHABLE");
  hand.succeed(seed, "stores");
  hand.give({ kind: "closed", channel: "http", reason: "test" });
  hand.give({ kind: "closed", channel: "git", reason: "test" });
  hand.give({ kind: "closed", channel: "seed", reason: "test" });
  hand.open("seed", 4, { effect: "stores" });
  for (let i = 0; i < 100; i++) {
    for (const start of hand.pass(1_000)) hand.succeed(start, "stores");
  }
  expect(writes(hand, "seed")).toBe(2);
});

test("a store that fails is followed by the next at once", () => {
  const hand = withStores();
  const [http] = hand.submit("a");
  const [seed] = hand.fail(http, "UNREACHABLE");
  expect(channels(hand.fail(seed, "INTERNAL"))).toEqual(["git"]);
});

test("ten thousand messages that only a store can take go to it in a bounded window", () => {
  const hand = new Hand();
  hand.open("seed", 4, { effect: "stores" });
  let flying: string[] = [];
  let most = 0;
  const queue = [...Array(10_000).keys()].flatMap((i) => [...hand.submit(`m${i}`)]);
  for (let start = queue.shift(); start !== undefined; start = queue.shift()) {
    most = Math.max(most, queue.length + 1);
    hand.now += 0.1;
    flying.push(start.id);
    queue.push(...hand.succeed(start, "stores"), ...hand.pass(0));
    if (queue.length === 0) queue.push(...hand.pass(10));
  }
  expect(new Set(flying).size).toBe(10_000);
  expect(flying).toHaveLength(10_000);
  expect(most).toBeLessThanOrEqual(256);
  flying = [];
});

test("a relay that only stores is a store for that message, and its receipt is waited for", () => {
  const hand = new Hand({ random: () => 0.5 });
  hand.open("relay", 3);
  const [relay] = hand.submit("a");
  hand.succeed(relay, "stores");
  expect(hand.pass(50_000).filter(({ channel }) => channel === "relay")).toHaveLength(0);
  hand.settle("a");
  expect(hand.cascade.load.shipments).toBe(0);
});
