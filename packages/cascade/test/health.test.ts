import { channelErrorCodes, type ChannelErrorCode } from "@multifleet/core";
import { describe, expect, test } from "vitest";
import { decisions } from "../src/index.js";
import { channels, dawn, Hand, mac2, type Start } from "./hand.js";

test("nothing is known of a channel that was never used", () => {
  const hand = new Hand();
  hand.open("http", 2);
  hand.open("away", 3, { reaches: () => false });
  expect(hand.cascade.health(mac2)).toEqual([
    { channel: "http", state: "unknown", since: 0, reason: "", latency: undefined },
  ]);
});

test("a success shows the channel up, since when, and its round trip", () => {
  const hand = new Hand();
  hand.open("http", 2);
  hand.warm("http", 7);
  expect(hand.health("http")).toEqual({
    ...{ channel: "http", state: "up", since: dawn + 7, reason: "", latency: 7 },
  });
});

describe("each error code", () => {
  for (const code of channelErrorCodes) {
    const { health, again } = decisions[code];
    const expected = { down: "down", suspect: "suspect", kept: "up" }[health];
    test(`${code}: the next channel in the same turn, the channel ${expected}, the message ${again ? "may" : "may not"} try it again`, () => {
      const hand = new Hand();
      hand.open("http", 2);
      hand.open("ssh", 5);
      hand.warm("http", 2);
      const [first] = hand.submit("a");
      const [second] = hand.fail(first, code);
      expect(second?.channel).toBe("ssh");
      expect(hand.health("http")?.state).toBe(expected);
      hand.fail(second, "BUSY");
      expect(channels(hand.pass(120_000)).includes("http")).toBe(again);
    });
  }

  const poison: ChannelErrorCode[] = ["TOO_LARGE", "REFUSED"];
  for (const code of poison) {
    test(`${code} by one message keeps the channel for all others`, () => {
      const hand = new Hand();
      hand.open("http", 2);
      hand.warm("http", 2);
      hand.fail(hand.submit("poison")[0], code);
      for (const id of ["a", "b", "c"]) expect(channels(hand.submit(id))).toEqual(["http"]);
    });
  }
});

test("what one message breaks again and again, while others pass, is the message's fault", () => {
  const hand = new Hand({ random: () => 0.5 });
  hand.open("http", 2);
  hand.warm("http", 2);
  hand.play(1, 1, () => {});
  hand.submit("poison");
  let tried = 0;
  const react = (start: Start) => {
    if (start.id !== "poison") return hand.deliver(start);
    tried++;
    return hand.fail(start, "CLOSED");
  };
  hand.play(10, 1, react);
  expect(hand.health("http")?.state).toBe("down");
  hand.submit("good");
  hand.play(2_000, 5, react);
  const before = tried;
  hand.play(120_000, 50, (start) => {
    react(start);
    expect(hand.health("http")?.state).toBe("up");
  });
  expect(tried).toBeGreaterThan(before);
  expect(tried).toBeLessThan(before + 25);
  expect(channels(hand.submit("other"))).toEqual(["http"]);
});

test("a message that was turned away is tried again when its channel opens anew, and when the peer says hello", () => {
  for (const code of ["REFUSED", "TOO_LARGE"] as const) {
    const hand = new Hand();
    hand.open("http", 2);
    hand.fail(hand.submit("a")[0], code);
    expect(hand.pass(300_000)).toEqual([]);
    const again = hand.heard("http", true);
    expect(channels(again)).toEqual(code === "REFUSED" ? ["http"] : []);
    if (again.length > 0) hand.fail(again[0], code);
    hand.give({ kind: "closed", channel: "http", reason: "test" });
    hand.give({
      kind: "opened",
      carrier: { name: "http", effect: "delivers", rank: 2, maxFrameBytes: 1e6, reaches: () => true },
    });
    expect(hand.commands.filter(({ kind }) => kind === "start").length).toBe(code === "REFUSED" ? 3 : 2);
  }
});

test("one dead channel is tried by one real message now and then, not by all", () => {
  const hand = new Hand({ random: () => 0.5 });
  hand.open("nats", 1);
  hand.open("http", 2);
  let tried = 0;
  for (let i = 0; i < 1_000; i++) {
    hand.now += 100;
    for (const start of hand.submit(`m${i}`)) {
      if (start.channel === "http") hand.deliver(start);
      else {
        tried++;
        for (const next of hand.fail(start, "UNREACHABLE")) hand.deliver(next);
      }
    }
  }
  expect(tried).toBeGreaterThan(8);
  expect(tried).toBeLessThan(20);
});

test("a failure of an attempt that began before the channel came back says nothing any more", () => {
  const hand = new Hand();
  hand.open("nats", 1);
  hand.open("http", 2);
  hand.warm("nats", 2);
  const [old] = hand.submit("a");
  hand.medium("nats", "down");
  hand.medium("nats", "up");
  hand.warm("nats", 2, 1);
  hand.fail(old, "CLOSED");
  expect(hand.health("nats")?.state).toBe("up");
});

test("a medium that goes down for all is down for peers not met yet", () => {
  const hand = new Hand();
  hand.open("nats", 1);
  hand.open("http", 2);
  hand.give({ kind: "medium", channel: "nats", state: "down", reason: "server gone" });
  expect(hand.health("nats")).toEqual({
    ...{ channel: "nats", state: "down", since: dawn, reason: "server gone", latency: undefined },
  });
  expect(channels(hand.submit("a"))).toEqual(["http"]);
});

test("a hung channel is down within ten seconds, as long as messages flow", () => {
  const hand = new Hand();
  hand.open("nats", 1);
  hand.open("http", 2);
  hand.warm("nats", 2);
  for (let i = 0; i < 100; i++) {
    for (const start of [...hand.submit(`m${i}`), ...hand.pass(40)]) {
      if (start.channel === "http") hand.deliver(start);
    }
    hand.pass(60);
  }
  expect(hand.health("nats")).toMatchObject({ state: "down" });
});

test("a packet heard over a channel says that it is up, and the next message tries it", () => {
  const hand = new Hand();
  hand.open("nats", 1);
  hand.open("http", 2);
  const [http] = hand.fail(hand.submit("a")[0], "UNREACHABLE");
  hand.deliver(http);
  hand.heard("nats");
  expect(hand.health("nats")).toMatchObject({ state: "up", reason: "heard" });
  expect(channels(hand.submit("b")).toSorted()).toEqual(["http", "nats"]);
});

test("a peer that is heard all the time and cannot be reached does not cost every message a vain attempt", () => {
  const hand = new Hand({ random: () => 0.5 });
  hand.open("nats", 1);
  hand.open("http", 2);
  let vain = 0;
  for (let i = 0; i < 1_000; i++) {
    hand.now += 100;
    hand.heard("nats");
    for (const start of hand.submit(`m${i}`)) {
      if (start.channel === "http") hand.deliver(start);
      else {
        vain++;
        for (const next of hand.fail(start, "UNREACHABLE")) hand.deliver(next);
      }
    }
  }
  expect(vain).toBeGreaterThan(5);
  expect(vain).toBeLessThan(40);
});

test("a channel that closes fails what is under way by it, and the engine's own word comes too late to matter", () => {
  const hand = new Hand();
  hand.open("nats", 1);
  hand.open("http", 2);
  const [nats] = hand.submit("a");
  const commands = hand.give({ kind: "closed", channel: "nats", reason: "gone" });
  expect(commands).toContainEqual(
    expect.objectContaining({ kind: "start", channel: "http", why: "fallback" }),
  );
  expect(hand.fail(nats, "CLOSED")).toEqual([]);
  expect(hand.fail(nats, "CLOSED")).toEqual([]);
  expect(hand.health("nats")).toBeUndefined();
});
