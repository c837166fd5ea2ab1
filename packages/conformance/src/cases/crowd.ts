import assert from "node:assert/strict";
import { answerTo, sameBytes } from "../bytes.js";
import { needsInbound, succeeded, type Case } from "../case.js";
import { take } from "../host.js";
import type { Node } from "../node.js";
import type { World } from "../world.js";

/** Sends `count` frames at once and checks that each got its own answer. */
async function sendMany(world: World, from: Node, to: Node, count: number): Promise<void> {
  const { effect } = world.rig.traits;
  const frames = Array.from({ length: count }, (_, index) => world.bytes(100 + (index % 400)));
  await Promise.all(
    frames.map(async (bytes) => {
      const answer = succeeded(await from.send(to, bytes), effect);
      if (effect === "delivers")
        assert.ok(answer && sameBytes(answer, answerTo(bytes)), "each frame gets its own answer");
    }),
  );
}

/** Many frames, many senders, slow receivers: and whose bytes they are. */
export const crowdCases: readonly Case[] = [
  {
    id: "send/concurrent",
    holds: "carries hundreds of frames at once, each once, with its own answer",
    skip: needsInbound,
    async run(world) {
      const [alpha, bravo] = await world.pair();
      await sendMany(world, alpha, bravo, world.crowd);
      await world.arrived(bravo, world.crowd);
    },
  },
  {
    id: "send/does-not-mutate-bytes",
    holds: "leaves the sender's bytes as they were",
    async run(world) {
      const [alpha, bravo] = await world.pair();
      const bytes = world.bytes(4_096);
      const before = bytes.slice();
      succeeded(await alpha.send(bravo, bytes), world.rig.traits.effect);
      assert.ok(sameBytes(bytes, before), "the frame's bytes are unchanged");
    },
  },
  {
    id: "receive/does-not-retain",
    holds:
      "hands over bytes that stay what they are, whatever comes next on the medium or in the sender's memory",
    skip: needsInbound,
    async run(world) {
      const [alpha, bravo] = await world.pair();
      for (let count = 1; count <= 20; count++) {
        const bytes = world.bytes(700);
        succeeded(await alpha.send(bravo, bytes), world.rig.traits.effect);
        await world.arrived(bravo, count);
        bytes.fill(0);
      }
      // What arrived is looked at when all is over, as after every case.
    },
  },
  {
    id: "receive/many-senders",
    holds: "receives from several nodes at once, each frame once, and answers the one who asked",
    skip: needsInbound,
    async run(world) {
      const [alpha, bravo, charlie] = await world.triple();
      const half = Math.ceil(world.crowd / 2);
      await Promise.all([sendMany(world, bravo, alpha, half), sendMany(world, charlie, alpha, half)]);
      await world.arrived(alpha, 2 * half);
    },
  },
  {
    id: "receive/host-slow",
    holds: "loses nothing when the daemon takes one frame at a time",
    skip: needsInbound,
    async run(world) {
      const [alpha, bravo] = await world.pair();
      let turn = Promise.resolve();
      bravo.host.judge = async (bytes) => {
        turn = turn.then(() => new Promise((resolve) => setImmediate(resolve)));
        await turn;
        return take(bytes);
      };
      await sendMany(world, alpha, bravo, world.crowd);
      await world.arrived(bravo, world.crowd);
    },
  },
];
