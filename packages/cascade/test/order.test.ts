import { expect, test } from "vitest";
import { channels, Hand } from "./hand.js";

test("what delivers goes before what stores, whatever their ranks", () => {
  const hand = new Hand();
  hand.open("discord", 0, { effect: "stores" });
  hand.open("ssh", 5);
  expect(channels(hand.submit("a"))).toEqual(["ssh"]);
});

test("among the sound, the lower rank is first", () => {
  const hand = new Hand();
  hand.open("ssh", 5);
  hand.open("nats", 1);
  hand.open("http", 2);
  const [first] = hand.submit("a");
  expect(first).toMatchObject({ channel: "nats", why: "first" });
  const [second] = hand.fail(first, "BUSY");
  expect(second).toMatchObject({ channel: "http", why: "fallback" });
  expect(channels(hand.fail(second, "BUSY"))).toEqual(["ssh"]);
});

test("a channel that is down is passed over while another is sound", () => {
  const hand = new Hand();
  hand.open("nats", 1);
  hand.open("http", 2);
  const [nats] = hand.submit("a");
  const [http] = hand.fail(nats, "UNREACHABLE");
  hand.deliver(http);
  expect(channels(hand.submit("b"))).toEqual(["http"]);
});

test("a channel that does not reach the peer, is closed, is too small or is not the one asked for is not tried", () => {
  const hand = new Hand();
  hand.open("away", 1, { reaches: () => false });
  hand.open("gone", 2);
  hand.open("small", 3, { most: 999 });
  hand.open("http", 4);
  hand.open("ssh", 5);
  hand.give({ kind: "closed", channel: "gone", reason: "test" });
  const [via] = hand.submit("a", { via: "ssh" });
  expect(via?.channel).toBe("ssh");
  expect(hand.fail(via, "UNREACHABLE")).toEqual([]);
  expect(channels(hand.pass(1_000)).every((channel) => channel === "ssh")).toBe(true);
  const [first] = hand.submit("b");
  expect(first?.channel).toBe("http");
});

test("a clearly slower channel goes behind, and comes back only when it is nearly as fast", () => {
  const hand = new Hand();
  hand.open("nats", 1);
  hand.open("http", 2);
  hand.warm("nats", 100, 40);
  hand.warm("http", 3, 40);
  const slow = hand.submit("a");
  expect(slow.map(({ channel, why }) => `${channel} ${why}`)).toEqual(["http first", "nats race"]);
  hand.deliver(slow[0]);
  hand.pass(100);
  hand.succeed(slow[1]);
  hand.warm("nats", 12, 40);
  const [still] = hand.submit("b");
  expect(still?.channel).toBe("http");
  hand.deliver(still);
  hand.warm("nats", 8, 40);
  const [back] = hand.submit("c");
  expect(back?.channel).toBe("nats");
  hand.deliver(back);
  hand.warm("nats", 12, 40);
  expect(channels(hand.submit("d"))).toEqual(["nats"]);
});

test("a small difference in latency does not outweigh the rank", () => {
  const hand = new Hand();
  hand.open("nats", 1);
  hand.open("http", 2);
  hand.warm("nats", 5, 40);
  hand.warm("http", 1, 40);
  expect(channels(hand.submit("a"))).toEqual(["nats"]);
});

test("a slower channel is measured again by one message in many, and comes back at the first good one", () => {
  const hand = new Hand();
  hand.open("nats", 1);
  hand.open("http", 2);
  hand.warm("nats", 100, 40);
  hand.warm("http", 3, 40);
  let raced = 0;
  for (let i = 0; i < 300; i++) {
    hand.now += 1_000;
    const [first, race] = hand.submit(`m${i}`);
    hand.now += 3;
    hand.deliver(first);
    if (race === undefined) continue;
    raced++;
    hand.now += 97;
    hand.succeed(race);
  }
  expect(raced).toBeGreaterThan(2);
  expect(raced).toBeLessThan(7);
  for (let i = 0; i < 70; i++) {
    hand.now += 1_000;
    const [first, race] = hand.submit(`n${i}`);
    hand.now += 3;
    hand.succeed(race);
    hand.deliver(first);
  }
  expect(channels(hand.submit("z"))).toEqual(["nats"]);
});
