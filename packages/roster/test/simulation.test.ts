import type { NodeId } from "@multifleet/core";
import { describe, expect, test } from "vitest";
import { rankOf } from "../src/index.js";
import { runSeed } from "../../../test/random.js";
import { World, type SimNode } from "./world.js";

const seed = runSeed("roster simulation");
/** How many histories each scenario is played with. */
const rounds = Number(process.env["MULTIFLEET_ROUNDS"] ?? 4);
const seeds = Array.from({ length: rounds }, (_, i) => seed + i);
/** A large fleet is played with fewer. */
const seedsFor = (nodes: number) => (nodes < 50 ? seeds : seeds.slice(0, Math.ceil(rounds / 4)));

/** Each node saw terms rise, whatever it saw. */
function expectRisingTerms(nodes: Iterable<SimNode>): void {
  for (const { name, seen } of nodes) {
    const terms = seen.flatMap(({ chief }) => (chief === undefined ? [] : [chief]));
    for (const [i, chief] of terms.entries()) {
      const before = terms[i - 1];
      if (before === undefined || before.node === chief.node) continue;
      expect(chief.term, `${name}: ${JSON.stringify(terms)}`).toBeGreaterThan(before.term);
    }
  }
}

/** The one chief that all running nodes know. */
function theChief(world: World): NodeId {
  const [chief, ...others] = world.chiefs();
  expect(others).toEqual([]);
  const node = world.running[0]?.roster.chief?.node;
  if (node === undefined) throw new Error(`at ${world.now}: ${chief}`);
  return node;
}

/** The milliseconds until all running nodes know one chief, itself running; looked at each 250 ms of the simulation. */
function untilOneChief(world: World, limit: number): number {
  const from = world.now;
  while (world.now - from < limit) {
    world.run(250);
    const node = world.running[0]?.roster.chief?.node;
    if (world.chiefs().size === 1 && node !== undefined && world.node(node).running) return world.now - from;
  }
  throw new Error(`no one chief after ${limit} ms: ${[...world.chiefs()].join(", ")}`);
}

for (const [kind, board] of [
  ["with", true],
  ["without", false],
] as const) {
  describe(`${kind} a board`, () => {
    for (const nodes of [1, 2, 3, 10, 50]) {
      test(`${nodes} nodes that start together agree on a chief within 20 s, and stay with it`, () => {
        for (const each of seedsFor(nodes)) {
          const world = new World({ nodes, seed: each, board });
          world.run(20_000);
          const chief = theChief(world);
          world.run(300_000);
          expect(theChief(world)).toBe(chief);
          expectRisingTerms(world.nodes.values());
        }
      });
    }

    for (const nodes of [2, 3, 10, 50]) {
      test(`after the chief of ${nodes} nodes dies, the others have another within 20 s`, () => {
        for (const each of seedsFor(nodes)) {
          const world = new World({ nodes, seed: each, board });
          world.run(60_000 + (each % 7_000));
          const dead = theChief(world);
          world.kill(dead);
          expect(untilOneChief(world, 20_000)).toBeLessThanOrEqual(20_000);
          expect(theChief(world)).not.toBe(dead);
          // One that comes back does not take its place again.
          const sitting = theChief(world);
          world.start(dead);
          world.run(20_000);
          expect(theChief(world)).toBe(sitting);
          expectRisingTerms(world.nodes.values());
        }
      });

      test(`each part of ${nodes} nodes has a chief, and they have one within 20 s of the heal`, () => {
        for (const each of seedsFor(nodes)) {
          const world = new World({ nodes, seed: each, board });
          world.run(60_000);
          world.cut((node) => (rankOf(node) + each) % 2);
          world.run(180_000);
          for (const part of [0, 1]) {
            const members = world.running.filter(({ name }) => (rankOf(name) + each) % 2 === part);
            if (members.length === 0) continue;
            const chiefs = new Set(members.map(({ roster }) => roster.chief?.node));
            expect(chiefs.size, [...world.chiefs()].join(", ")).toBe(1);
            expect(members.map(({ name }) => name)).toContain([...chiefs][0]);
          }
          world.cut();
          expect(untilOneChief(world, 20_000)).toBeLessThanOrEqual(20_000);
          const chief = theChief(world);
          world.run(120_000);
          expect(theChief(world)).toBe(chief);
          expectRisingTerms(world.nodes.values());
        }
      });
    }

    test("a chief that was frozen for a minute finds another one in its place, and leaves it there", () => {
      for (const each of seeds) {
        const world = new World({ nodes: 5, seed: each, board });
        world.run(60_000);
        const chief = theChief(world);
        world.freeze(chief);
        world.run(60_000);
        const term = Math.max(...world.running.map(({ roster }) => roster.chief?.term ?? 0));
        world.thaw(chief);
        untilOneChief(world, 20_000);
        expect(theChief(world)).not.toBe(chief);
        expect(world.node(chief).roster.chief?.term).toBe(term);
        expectRisingTerms(world.nodes.values());
      }
    });

    test("a node that flaps changes the chief at most once, and the others never count as gone", () => {
      for (const each of seeds) {
        const world = new World({ nodes: 10, seed: each, board });
        world.run(60_000);
        const flapping = theChief(world);
        for (let i = 0; i < 10; i++) {
          world.kill(flapping);
          world.run(15_000);
          world.start(flapping);
          world.run(15_000);
          const others = world.running.filter(({ name }) => name !== flapping);
          for (const { roster } of others)
            for (const { name } of others) expect(roster.alive(name, world.now), name).toBe(true);
        }
        world.run(30_000);
        const changes = new Set(
          world.running.flatMap(({ seen }) => seen.map(({ chief }) => chief?.term ?? 0)),
        );
        expect(theChief(world)).not.toBe(flapping);
        expect(Math.max(...changes)).toBeLessThanOrEqual(
          Math.min(...[...changes].filter((term) => term > 0)) + 2,
        );
      }
    });

    test("everybody knows who died, and who came back, with clocks that differ by minutes", () => {
      for (const each of seeds) {
        const skew = (node: NodeId) => ((rankOf(node) % 11) - 5) * 60_000;
        const world = new World({ nodes: 20, seed: each, board, skew });
        world.run(60_000);
        const [first, second] = world.running.map(({ name }) => name);
        if (first === undefined || second === undefined) throw new Error("no nodes");
        world.kill(first);
        world.kill(second);
        world.run(20_000);
        for (const { roster, name } of world.running) {
          const alive = roster.known(world.now).filter((known) => known.alive);
          expect(alive.length, name).toBe(17);
        }
        world.start(first);
        world.run(5_000);
        for (const { roster, name } of world.running)
          expect(roster.alive(first, world.now) || name === first, name).toBe(true);
      }
    });

    test("a preferred node becomes chief, one that never may does not", () => {
      for (const each of seeds) {
        const role = (node: NodeId) =>
          node === "node3" ? "prefer" : node === "node1" || node === "node2" ? "never" : "may";
        const world = new World({ nodes: 5, seed: each, board, role });
        world.run(40_000);
        expect(theChief(world)).toBe("node3");
        world.kill(theChief(world));
        world.run(20_000);
        expect(["node0", "node4"]).toContain(theChief(world));
        expectRisingTerms(world.nodes.values());
      }
    });
  });
}

test("300 nodes have one chief, and another within 20 s of its death", { timeout: 120_000 }, () => {
  const world = new World({ nodes: 300, seed, board: true });
  world.run(30_000);
  const first = theChief(world);
  world.kill(first);
  untilOneChief(world, 20_000);
  expect(theChief(world)).not.toBe(first);
  expectRisingTerms(world.nodes.values());
});
