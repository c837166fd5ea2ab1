import { nodeId } from "@multifleet/core";
import { expect, test } from "vitest";
import { createRoster, type Command, type Entry, type Roster } from "../src/index.js";
import { entryOf } from "./keys.js";

const [mac1, mac2, mac3] = ["mac1", "mac2", "mac3"].map((name) => nodeId(name)) as [
  ReturnType<typeof nodeId>,
  ReturnType<typeof nodeId>,
  ReturnType<typeof nodeId>,
];
const epoch = Date.UTC(2026, 0, 2);
const lease = 12_000;

/** mac1's roster, at the time 0 of a clock that the test sets. */
function make(more: { readonly floor?: (node: string) => number; readonly ahead?: number } = {}) {
  const time = { now: 0 };
  const roster = createRoster({
    node: mac1,
    role: "never",
    term: 0,
    random: () => 0.5,
    now: 0,
    wall: () => epoch + time.now + (more.ahead ?? 0),
    facts: () => ({
      version: "1",
      capabilities: ["git"],
      tools: {},
      git_head: null,
      sessions: [],
      channels: {},
    }),
    ...(more.floor === undefined ? {} : { floor: more.floor }),
  });
  const tell = (input: Parameters<Roster["handle"]>[0], at = time.now) => {
    time.now = at;
    return roster.handle(input, at);
  };
  tell({ kind: "members", nodes: [mac2, mac3] });
  return { roster, tell, time };
}

const word = (name: string, stamp: number, more: Partial<Entry> = {}) =>
  entryOf(name, { stamp: epoch + stamp, chief: null, term: 0, ...more });
const published = (commands: readonly Command[]) =>
  commands.flatMap((command) => (command.kind === "publish" ? [command] : []));

test("an older word never replaces a newer one, however it comes", () => {
  const { roster, tell } = make();
  tell({ kind: "row", entry: word("mac2", 500, { capabilities: ["new"] }) });
  const old = word("mac2", 400, { capabilities: ["old"] });
  expect(roster.compare(old)).toBe("OLDER");
  tell({ kind: "row", entry: old });
  tell({ kind: "word", node: mac2, word: { has: 0, entry: old } });
  expect(roster.known(0).find(({ node }) => node === mac2)?.entry?.capabilities).toEqual(["new"]);
  expect(roster.compare(word("mac2", 500))).toBe("SAME");
});

test("what an earlier run knew is a floor: an older row that is played back is no news", () => {
  const { roster } = make({ floor: (node) => (node === "mac2" ? epoch + 300 : 0) });
  expect(roster.compare(word("mac2", 299))).toBe("OLDER");
  expect(roster.compare(word("mac2", 300))).toBe("NEWER");
});

test("a row that lay on the board for long is no sign of life; a newer one is, whatever the clock over there", () => {
  const { roster, tell } = make();
  tell({ kind: "row", entry: word("mac2", -3_600_000) });
  expect(roster.alive(mac2, 0)).toBe(false);
  tell({ kind: "row", entry: word("mac2", -3_599_000) });
  expect(roster.alive(mac2, 0)).toBe(true);
});

test("a neighbour without a sign for a lease is gone, and all are told", () => {
  const { roster, tell } = make();
  tell({ kind: "word", node: mac2, word: { has: 0, entry: word("mac2", 1) } }, 1_000);
  tell({ kind: "word", node: mac3, word: { has: 0, entry: word("mac3", 1) } }, 1_000);
  for (let now = 1_500; now < lease + 8_000; now += 500) {
    tell({ kind: "heard", node: mac3 }, now);
    tell({ kind: "timer" }, now);
    if (now < 1_000 + lease) expect(roster.alive(mac2, now), String(now)).toBe(true);
  }
  expect(roster.alive(mac2, lease + 8_000)).toBe(false);
  expect(roster.alive(mac3, lease + 8_000)).toBe(true);
  expect(roster.own.absent).toEqual({ mac2: epoch + 1 });
  tell({ kind: "heard", node: mac2 }, lease + 9_000);
  expect(roster.alive(mac2, lease + 9_000)).toBe(true);
});

test("what another finds gone is asked, counts as gone if it is silent, and not any more once it has spoken", () => {
  const { roster, tell } = make();
  tell({ kind: "word", node: mac2, word: { has: 0, entry: word("mac2", 1) } }, 1_000);
  const asked = tell(
    { kind: "word", node: mac3, word: { has: 0, entry: word("mac3", 1, { absent: { mac2: epoch + 1 } }) } },
    2_000,
  );
  expect(asked).toContainEqual({ kind: "keep-alive", to: mac2 });
  expect(roster.alive(mac2, 2_000)).toBe(true);
  expect(roster.alive(mac2, 1_000 + lease)).toBe(false);
  // A later word of mac2 makes what mac3 says void.
  tell({ kind: "row", entry: word("mac2", 2) }, 14_000);
  expect(roster.alive(mac2, 14_000)).toBe(true);
});

test("a node that others find gone says that it is there, with a later stamp than they know", () => {
  const { roster, tell } = make();
  tell({ kind: "timer" }, 500);
  const { stamp } = roster.own;
  tell(
    { kind: "word", node: mac2, word: { has: stamp, entry: word("mac2", 1, { absent: { mac1: stamp } }) } },
    4_000,
  );
  const [said] = published(tell({ kind: "timer" }, 6_000));
  expect(said?.entry.stamp).toBeGreaterThan(stamp);
  expect(said?.to).toContain(mac2);
});

test("a clock that was set back does not make our word look old", () => {
  const { roster, tell } = make();
  tell({ kind: "word", node: mac2, word: { has: epoch + 86_400_000 } }, 10);
  tell({ kind: "timer" }, 1_000);
  expect(roster.own.stamp).toBeGreaterThan(epoch + 86_400_000);
  // Nobody makes it run to the end of time.
  tell({ kind: "word", node: mac2, word: { has: 8e15 } }, 2_000);
  tell({ kind: "timer" }, 5_000);
  expect(roster.own.stamp).toBeLessThan(epoch + 2 * 86_400_000);
});

test("a row that is written over again and again is put back once in a refresh", () => {
  const { tell } = make();
  tell({ kind: "board", name: "nats" });
  let rows = 0;
  for (let now = 0; now < 150_000; now += 100) {
    tell({ kind: "row-lost" }, now);
    rows += published(tell({ kind: "timer" }, now)).filter(({ board }) => board).length;
  }
  expect(rows).toBeGreaterThan(5);
  expect(rows).toBeLessThanOrEqual(25);
});

test("who is about to end says so, and is gone at once", () => {
  const { roster, tell } = make();
  tell({ kind: "word", node: mac2, word: { has: 0, entry: word("mac2", 1) } }, 1_000);
  expect(published(tell({ kind: "leaving" })).at(-1)?.entry.leaving).toBe(true);
  tell({ kind: "row", entry: word("mac2", 2, { leaving: true }) }, 1_100);
  expect(roster.alive(mac2, 1_100)).toBe(false);
});

test("a roster that was held up for long gives its neighbours time before it calls them gone", () => {
  const { roster, tell } = make();
  tell({ kind: "word", node: mac2, word: { has: 0, entry: word("mac2", 1) } }, 1_000);
  tell({ kind: "timer" }, 4_000);
  const woken = tell({ kind: "timer" }, 4_000 + 3 * lease);
  expect(woken).toContainEqual({ kind: "keep-alive", to: mac2 });
  expect(roster.own.absent).toEqual({});
});
