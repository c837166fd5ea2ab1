import { describe, expect, test } from "vitest";
import { channels, dawn, Hand, started } from "./hand.js";

function pair(): Hand {
  const hand = new Hand();
  hand.open("nats", 1);
  hand.open("http", 2);
  return hand;
}

/** How long after a submission the second channel is started while the first is silent. */
function silence(hand: Hand, size = 1_000): number {
  const at = hand.now - dawn;
  hand.submit("silent", { size });
  const [hedge] = hand.pass(1_000);
  expect(hedge).toMatchObject({ channel: "http", why: "hedge" });
  return (hedge?.at ?? 0) - at;
}

describe("silence starts the next channel", () => {
  test("after 150 ms where nothing is known", () => {
    expect(silence(pair())).toBe(151);
  });

  test("after one and a half times the usual round trip", () => {
    const hand = pair();
    hand.warm("nats", 18, 40);
    expect(silence(hand)).toBeCloseTo(28 + 3, -1);
  });

  test("not before 30 ms", () => {
    const hand = pair();
    hand.warm("nats", 1, 40);
    expect(silence(hand)).toBe(31);
  });

  test("after at most 60 ms where round trips are short", () => {
    const hand = pair();
    hand.warm("nats", 10, 30);
    hand.warm("nats", 55, 10);
    expect(silence(hand)).toBe(61);
  });

  test("after at most 150 ms where they are long", () => {
    const hand = pair();
    hand.warm("nats", 120, 40);
    expect(silence(hand)).toBe(151);
  });

  test("after at most 250 ms, whatever the path and the size", () => {
    const hand = pair();
    hand.warm("nats", 900, 40);
    expect(silence(hand, 700_000)).toBe(250);
    expect(silence(pair(), 700_000)).toBe(250);
  });
});

test("the first goes on beside the hedge, and its answer still wins", () => {
  const hand = pair();
  const [first] = hand.submit("a");
  const [hedge] = hand.pass(200);
  expect(hand.commands.filter(({ kind }) => kind === "abort")).toEqual([]);
  hand.succeed(first);
  expect(hand.settle("a")).toContainEqual({ kind: "abort", attempt: hedge?.attempt });
  expect(hand.cascade.load).toEqual({ shipments: 0, peers: 0 });
});

test("a negative answer starts the next in the same turn", () => {
  const hand = pair();
  const [first] = hand.submit("a");
  expect(hand.fail(first, "CLOSED")).toMatchObject([{ channel: "http", why: "fallback" }]);
});

test("a medium that goes down starts the next in the same turn, while the attempt may still answer", () => {
  const hand = pair();
  hand.submit("a");
  const commands = hand.give({ kind: "medium", channel: "nats", state: "down", reason: "disconnect" });
  expect(channels(started(commands))).toEqual(["http"]);
  expect(commands.some(({ kind }) => kind === "abort")).toBe(false);
});

test("a channel that hangs is passed over by the next message, though the first still waits for it", () => {
  const hand = pair();
  hand.warm("nats", 2);
  hand.warm("http", 2);
  hand.submit("a");
  hand.pass(35);
  expect(hand.health("nats")?.state).toBe("suspect");
  expect(channels(hand.submit("b"))).toEqual(["http"]);
});

test("one late answer among many does not make a channel suspect", () => {
  const hand = pair();
  hand.warm("nats", 2);
  hand.submit("late");
  const [other] = hand.submit("b");
  hand.now += 5;
  hand.deliver(other);
  hand.pass(100);
  expect(hand.health("nats")?.state).toBe("up");
});

test("where the best path is in doubt, two start together", () => {
  const hand = pair();
  hand.warm("http", 2);
  const [nats] = hand.submit("a");
  const [http] = hand.fail(nats, "UNREACHABLE");
  hand.deliver(http);
  hand.medium("nats", "up");
  expect(hand.submit("b").map(({ channel, why }) => `${channel} ${why}`)).toEqual([
    "http first",
    "nats race",
  ]);
  // While that one finds out, the others do not join it.
  expect(channels(hand.submit("c"))).toEqual(["http"]);
});

test("with both in doubt, two start together too", () => {
  const hand = pair();
  hand.medium("nats", "down");
  hand.medium("http", "down");
  hand.medium("nats", "up");
  hand.medium("http", "up");
  expect(hand.submit("a").map(({ channel, why }) => `${channel} ${why}`)).toEqual([
    "nats first",
    "http race",
  ]);
});

test("a test of a better channel outlives its message, so that what loses the race may still show that it works", () => {
  const hand = pair();
  hand.warm("http", 1);
  hand.medium("nats", "down");
  hand.medium("nats", "up");
  const [http, nats] = hand.submit("a");
  hand.now += 1;
  expect(hand.deliver(http).some(({ kind }) => kind === "abort")).toBe(false);
  hand.now += 2;
  hand.succeed(nats);
  expect(channels(hand.submit("b"))).toEqual(["nats"]);
});

test("a test that is never answered is ended in time, and counts against its channel", () => {
  const hand = pair();
  hand.warm("http", 1);
  hand.medium("nats", "down");
  hand.medium("nats", "up");
  const [http, nats] = hand.submit("a");
  hand.deliver(http);
  hand.pass(300);
  expect(hand.commands).toContainEqual({ kind: "abort", attempt: nats?.attempt });
  expect(hand.health("nats")?.state).toBe("suspect");
  expect(channels(hand.submit("b"))).toEqual(["http"]);
});

test("two races lost in silence make even a channel suspect that is slow by nature", () => {
  const hand = pair();
  hand.warm("nats", 160, 40);
  hand.warm("http", 90, 40);
  for (const id of ["a", "b"]) {
    expect(hand.health("nats")?.state).toBe("up");
    hand.submit(id);
    const [hedge] = hand.pass(180);
    hand.now += 5;
    hand.deliver(hedge);
  }
  expect(hand.health("nats")?.state).toBe("suspect");
});

test("an attempt is given up after seconds, and later ones of the same message get longer", () => {
  const hand = new Hand();
  hand.open("http", 2);
  const [first] = hand.submit("a");
  expect((first?.deadline ?? 0) - dawn).toBeGreaterThanOrEqual(5_000);
  const again = hand.pass(6_000).at(-1);
  expect(hand.commands).toContainEqual({ kind: "abort", attempt: first?.attempt });
  expect(hand.health("http")).toMatchObject({ state: "down", reason: "no answer for 5 s" });
  expect((again?.deadline ?? 0) - dawn - (again?.at ?? 0)).toBeGreaterThanOrEqual(10_000);
});

test("a process that was held up reads what has arrived before it takes silence for an answer", () => {
  const hand = pair();
  hand.warm("nats", 1);
  const [first] = hand.submit("a");
  hand.now += 500;
  expect(started(hand.give({ kind: "timer" }))).toEqual([]);
  hand.deliver(first);
  expect(hand.health("nats")?.state).toBe("up");
});

test("a process that is held up all the time still goes on", () => {
  const hand = pair();
  hand.submit("a");
  let starts = 0;
  for (let i = 0; i < 4; i++) {
    hand.now += 500;
    starts += started(hand.give({ kind: "timer" })).length;
  }
  expect(starts).toBeGreaterThan(0);
});
