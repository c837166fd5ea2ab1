import { describe, expect, test } from "vitest";
import type { ChannelErrorCode } from "@multifleet/core";
import { decisions } from "../src/index.js";
import { channels, dawn, Hand, started } from "./hand.js";
import { seeded } from "../../../test/random.js";

describe("a packet that is sent once", () => {
  test("is done with the first success, and the others are ended", () => {
    const hand = new Hand();
    hand.open("nats", 1);
    hand.open("http", 2);
    const [nats] = hand.submit("a", { mode: "once" });
    const [http] = hand.pass(200);
    hand.succeed(http);
    expect(hand.commands).toContainEqual({ kind: "abort", attempt: nats?.attempt });
    expect(hand.commands.at(-1)).toEqual({ kind: "done", id: "a", carried: "delivers" });
  });

  test("tries every channel in one pass, those that are down too, and is then done with nothing", () => {
    const hand = new Hand();
    hand.open("nats", 1);
    hand.open("http", 2);
    hand.open("seed", 4, { effect: "stores" });
    hand.medium("nats", "down");
    const tried: string[] = [];
    for (let [start] = hand.submit("a", { mode: "once" }); start !== undefined;) {
      tried.push(start.channel);
      [start] = hand.fail(start, "UNREACHABLE");
    }
    expect(tried).toEqual(["http", "nats", "seed"]);
    expect(hand.commands.at(-1)).toEqual({ kind: "done", id: "a", carried: undefined });
    expect(hand.pass(100_000)).toEqual([]);
  });

  test("is carried when a store takes it", () => {
    const hand = new Hand();
    hand.open("seed", 4, { effect: "stores" });
    hand.succeed(hand.submit("a", { mode: "once" })[0], "stores");
    expect(hand.commands.at(-1)).toEqual({ kind: "done", id: "a", carried: "stores" });
  });

  test("does not wait behind messages that cannot go", () => {
    const hand = new Hand();
    hand.open("http", 2);
    for (let i = 0; i < 300; i++) for (const start of hand.submit(`m${i}`)) hand.fail(start, "UNREACHABLE");
    expect(channels(hand.submit("hello", { mode: "once", via: "http" }))).toEqual(["http"]);
  });

  test("is done when its time is over, even where nothing could be tried", () => {
    const hand = new Hand();
    hand.open("http", 2);
    hand.submit("hung", { mode: "once", expires: dawn + 1_000 });
    hand.submit("past", { mode: "once", expires: dawn });
    hand.submit("nowhere", { mode: "once", via: "git" });
    hand.pass(2_000);
    const done = hand.commands.filter(({ kind }) => kind === "done");
    const ids = done.map((command) => (command.kind === "done" ? String(command.id) : ""));
    expect(new Set(ids)).toEqual(new Set(["hung", "nowhere", "past"]));
    expect(ids).toHaveLength(3);
  });
});

describe("a message whose time is over", () => {
  test("is expired at that time, and what is under way is ended", () => {
    const hand = new Hand();
    hand.open("http", 2);
    const [http] = hand.submit("a", { expires: dawn + 1_000 });
    hand.pass(999);
    expect(hand.cascade.load.shipments).toBe(1);
    hand.pass(1);
    expect(hand.commands.slice(-2)).toEqual([
      { kind: "abort", attempt: http?.attempt },
      { kind: "expired", id: "a", doubtful: true },
    ]);
    expect(hand.cascade.load).toEqual({ shipments: 0, peers: 0 });
    expect(hand.armed).toBeUndefined();
  });

  test("is never started", () => {
    const hand = new Hand();
    hand.open("http", 2);
    expect(hand.submit("a", { expires: dawn })).toEqual([]);
    expect(hand.submit("b", { expires: Number.NaN })).toEqual([]);
    expect(hand.commands.filter(({ kind }) => kind === "expired")).toEqual([
      { kind: "expired", id: "a", doubtful: false },
      { kind: "expired", id: "b", doubtful: false },
    ]);
  });

  for (const code of Object.keys(decisions) as ChannelErrorCode[]) {
    const { mayHaveLeft } = decisions[code];
    test(`after ${code} it is ${mayHaveLeft ? "" : "not "}doubtful whether the receiver has it`, () => {
      const hand = new Hand();
      hand.open("http", 2);
      const [http] = hand.submit("a", { expires: dawn + 100 });
      hand.fail(http, code);
      hand.pass(100);
      expect(hand.commands).toContainEqual({ kind: "expired", id: "a", doubtful: mayHaveLeft });
    });
  }

  test("is doubtful when a store has it, and when an attempt was given up", () => {
    const hand = new Hand();
    hand.open("seed", 4, { effect: "stores" });
    hand.succeed(hand.submit("a", { expires: dawn + 10_000 })[0], "stores");
    hand.pass(10_000);
    expect(hand.commands).toContainEqual({ kind: "expired", id: "a", doubtful: true });
    const other = new Hand({ random: () => 0.5 });
    other.open("http", 2);
    other.submit("b", { expires: dawn + 5_500 });
    other.pass(5_200);
    for (const start of started(other.commands)) other.fail(start, "UNREACHABLE");
    other.pass(1_000);
    expect(other.commands).toContainEqual({ kind: "expired", id: "b", doubtful: true });
  });
});

test("a message is taken in hand once", () => {
  const hand = new Hand();
  hand.open("http", 2);
  expect(hand.submit("a")).toHaveLength(1);
  expect(hand.submit("a")).toHaveLength(0);
  expect(hand.cascade.load.shipments).toBe(1);
});

test("what is out of date changes nothing", () => {
  const hand = new Hand();
  hand.open("http", 2);
  const [http] = hand.submit("a");
  hand.deliver(http);
  for (const again of [
    () => hand.succeed(http),
    () => hand.fail(http, "CLOSED"),
    () => hand.settle("a"),
    () => hand.give({ kind: "timer" }),
    () => hand.give({ kind: "closed", channel: "nobody", reason: "" }),
    () => hand.give({ kind: "medium", channel: "nobody", state: "down", reason: "" }),
    () => hand.heard("nobody"),
  ]) {
    expect(again()).toEqual([]);
  }
  expect(hand.health("http")?.state).toBe("up");
});

test("an answer whose settlement never comes does not lose the message", () => {
  const hand = new Hand();
  hand.open("http", 2);
  hand.succeed(hand.submit("a")[0]);
  expect(hand.pass(4_000)).toEqual([]);
  expect(channels(hand.pass(2_000))).toEqual(["http"]);
});

describe("the wall clock", () => {
  test("set back by an hour stops no wait", () => {
    const hand = new Hand();
    hand.open("nats", 1);
    hand.open("http", 2);
    hand.submit("a", { expires: dawn + 60_000 });
    hand.now -= 3_600_000;
    // The timer runs by itself, and fires although the clock says that it is far from due.
    expect(channels(started(hand.give({ kind: "timer" })))).toEqual(["http"]);
    hand.now -= 3_600_000;
    const [arm] = hand.give({ kind: "heard", channel: "http", peer: "mac3" as never, hello: false });
    expect(arm).toMatchObject({ kind: "arm" });
    expect((hand.armed ?? 0) - hand.now).toBeLessThan(5_000);
    expect(hand.commands.some(({ kind }) => kind === "expired")).toBe(false);
  });

  test("set ahead by two hours expires what is over by it, and gives the rest the time to be answered", () => {
    const hand = new Hand();
    hand.open("nats", 1);
    hand.open("http", 2);
    hand.warm("nats", 2);
    hand.submit("short", { expires: dawn + 3_600_000 });
    hand.submit("long", { expires: dawn + 1e9 });
    hand.now += 7_200_000;
    const commands = hand.give({ kind: "timer" });
    expect(commands).toContainEqual({ kind: "expired", id: "short", doubtful: true });
    expect(started(commands)).toEqual([]);
    expect(hand.health("nats")?.state).toBe("up");
    expect(hand.armed ?? 0).toBeGreaterThanOrEqual(hand.now);
    expect(hand.pass(200).map(({ id }) => id)).toContain("long");
  });

  test("that is no number is not believed", () => {
    const hand = new Hand();
    hand.open("http", 2);
    const [http] = hand.submit("a");
    for (const now of [Number.NaN, Infinity, -Infinity]) {
      expect(hand.cascade.handle({ kind: "timer" }, now).filter(({ kind }) => kind !== "arm")).toEqual([]);
    }
    hand.deliver(http);
    expect(hand.cascade.load.shipments).toBe(0);
  });

  test("with any fraction of a millisecond never makes the timer ring twice for nothing", () => {
    const random = seeded(1);
    for (let i = 0; i < 2_000; i++) {
      const hand = new Hand({ random });
      hand.now += random() * 1_000;
      hand.open("nats", 1);
      hand.open("http", 2);
      hand.submit("a");
      for (let fired = 0; fired < 20 && hand.armed !== undefined; fired++) {
        hand.now = hand.armed;
        hand.armed = undefined;
        hand.give({ kind: "timer" });
        expect(hand.armed ?? Infinity).toBeGreaterThan(hand.now);
      }
    }
  });

  test("without an end is no reason to arm for ever", () => {
    const hand = new Hand();
    const [start] = hand.submit("a", { expires: Infinity });
    expect(start).toBeUndefined();
    expect(hand.armed ?? 0).toBeLessThan(hand.now + 31_000);
    hand.settle("a");
    expect(hand.armed).toBeUndefined();
  });
});

test("the timer comes first of all commands, so that what obeying the others leads to may set it anew", () => {
  const hand = new Hand();
  hand.open("http", 2);
  hand.submit("a", { expires: dawn + 500 });
  hand.submit("b", { expires: dawn + 9_000 });
  for (let i = 0; i < 30; i++) {
    hand.pass(333);
  }
  const kinds = hand.cascade.handle(
    {
      kind: "submit",
      shipment: { id: "c" as never, to: "mac9" as never, size: 1, expires: hand.now + 50, mode: "once" },
    },
    hand.now,
  );
  expect(kinds.findIndex(({ kind }) => kind === "arm")).toBe(0);
});
