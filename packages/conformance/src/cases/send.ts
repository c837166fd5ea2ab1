import assert from "node:assert/strict";
import { newPacketId } from "@multifleet/core";
import { answerTo, sameBytes } from "../bytes.js";
import { failed, needsDelivery, needsInbound, succeeded, type Case } from "../case.js";
import { Gate, take } from "../host.js";
import { largest } from "../sizes.js";

export const sendCases: readonly Case[] = [
  {
    id: "send/delivers-identical-bytes",
    holds: "carries frames of every size it claims, byte for byte",
    skip: needsInbound,
    async run(world) {
      const { effect } = world.rig.traits;
      const max = largest(world.rig);
      const sizes = [1, 2, 3, 255, 256, 1_024, 65_535, 65_536, 65_537].filter((size) => size < max);
      const [alpha, bravo] = await world.pair();
      for (const [index, size] of [...sizes, max].entries()) {
        const bytes = world.bytes(size);
        succeeded(await alpha.send(bravo, bytes), effect);
        await world.arrived(bravo, index + 1);
        const copy = bravo.host.arrivals[index]?.copy;
        assert.ok(copy && sameBytes(copy, bytes), `${size} bytes arrive as they were sent`);
      }
    },
  },
  {
    id: "send/both-directions",
    holds: "carries frames both ways between two nodes",
    skip: needsInbound,
    async run(world) {
      const [alpha, bravo] = await world.pair();
      assert.ok(alpha.link.reaches(bravo.id) && bravo.link.reaches(alpha.id), "each reaches the other");
      const results = await Promise.all([alpha.send(bravo), bravo.send(alpha)]);
      for (const result of results) succeeded(result, world.rig.traits.effect);
      await world.arrived(alpha, 1);
      await world.arrived(bravo, 1);
    },
  },
  {
    id: "send/three-peers",
    holds: "carries each frame to the node it is for, among three",
    skip: needsInbound,
    async run(world) {
      const nodes = await world.triple();
      for (const from of nodes) {
        for (const to of nodes) {
          if (from !== to) succeeded(await from.send(to), world.rig.traits.effect);
        }
      }
      for (const node of nodes) await world.arrived(node, 2);
    },
  },
  {
    id: "send/effect-matches-traits",
    holds: "says of a success what its traits say",
    async run(world) {
      const [alpha, bravo] = await world.pair();
      succeeded(await alpha.send(bravo), world.rig.traits.effect);
    },
  },
  {
    id: "send/answer-returned",
    holds: "brings back what the far daemon answered, byte for byte, or no answer where it gave none",
    skip: needsDelivery,
    async run(world) {
      const [alpha, bravo] = await world.pair();
      const bytes = world.bytes(1_024);
      const answer = succeeded(await alpha.send(bravo, bytes), "delivers");
      assert.ok(answer && sameBytes(answer, answerTo(bytes)), "the answer is the one given");
      bravo.host.judge = () => ({ code: "taken" });
      const none = succeeded(await alpha.send(bravo), "delivers");
      assert.equal(none?.length ?? 0, 0, "no answer is made up");
    },
  },
  {
    id: "send/awaits-verdict",
    holds: "does not say that a frame was delivered before the far daemon has said so",
    skip: needsDelivery,
    async run(world) {
      const [alpha, bravo] = await world.pair();
      const gate = new Gate();
      bravo.host.judge = gate.before(take);
      let ended = false;
      const sending = alpha.send(bravo).finally(() => (ended = true));
      await world.arrived(bravo, 1);
      // A frame the other way and back: by then a premature answer would be here too.
      succeeded(await bravo.send(alpha), "delivers");
      succeeded(await bravo.send(alpha), "delivers");
      assert.equal(ended, false, "send() waits while the far daemon is still storing the frame");
      gate.open();
      succeeded(await sending, "delivers");
    },
  },
  {
    id: "send/again",
    holds: "carries a frame again that it has carried before, as a sender does whose receipt was lost",
    skip: needsInbound,
    async run(world) {
      const { effect } = world.rig.traits;
      const [alpha, bravo] = await world.pair();
      const bytes = world.bytes(1_024);
      const id = newPacketId(Date.now());
      for (const count of [1, 2, 3]) {
        const answer = succeeded(await alpha.send(bravo, bytes, undefined, id), effect);
        // A store may know that it has the frame; the far daemon must have been asked.
        await world.arrived(bravo, effect === "delivers" ? count : 1);
        if (effect === "delivers")
          assert.ok(answer && sameBytes(answer, answerTo(bytes)), "it is answered again");
      }
    },
  },
  {
    id: "send/later-is-BUSY",
    holds: "says BUSY when the far daemon asks to come again",
    skip: needsDelivery,
    async run(world) {
      const [alpha, bravo] = await world.pair();
      bravo.host.judge = () => ({ code: "later", reason: "the disk is full" });
      failed(await alpha.send(bravo), "BUSY");
      assert.equal(bravo.host.arrivals.length, 1, "it does not try again by itself");
    },
  },
  {
    id: "send/refused-is-REFUSED",
    holds: "says REFUSED when the far daemon turns a frame away",
    skip: needsDelivery,
    async run(world) {
      const [alpha, bravo] = await world.pair();
      bravo.host.judge = () => ({ code: "refused", reason: "not for this fleet" });
      failed(await alpha.send(bravo), "REFUSED");
      assert.equal(bravo.host.arrivals.length, 1, "it does not try again by itself");
    },
  },
];
