import assert from "node:assert/strict";
import { Activity } from "../activity.js";
import { checkError, failed, needsDelivery, needsInbound, succeeded, type Case } from "../case.js";
import { Gate, take } from "../host.js";

export const closeCases: readonly Case[] = [
  {
    id: "close/handles",
    holds: "leaves nothing behind when it is disposed: no handle, no timer, nothing on the medium",
    async run(world) {
      const activity = new Activity(world.rig.keepAliveMs);
      await activity.watch(async () => {
        const nodes = await world.triple();
        for (const from of nodes) {
          for (const to of nodes) {
            if (from !== to) succeeded(await from.send(to), world.rig.traits.effect);
          }
        }
        for (const node of nodes) if (world.rig.traits.inbound) await world.arrived(node, 2);
        await world.closeAll();
        await activity.checkClosed();
      });
      assert.deepEqual((await world.rig.leftovers?.(world.medium)) ?? [], [], "what is left on the medium");
    },
  },
  {
    id: "close/idempotent",
    holds: "can be disposed twice, at once and again, also when it has been opened anew",
    async run(world) {
      const [alpha, bravo] = await world.pair();
      const { link } = alpha;
      const twice = Promise.all([link[Symbol.asyncDispose](), link[Symbol.asyncDispose]()]);
      await world.within("disposing twice at once ends", twice);
      await world.within("disposing again ends", Promise.resolve(link[Symbol.asyncDispose]()));
      await alpha.open();
      await world.within("disposing the old link ends", Promise.resolve(link[Symbol.asyncDispose]()));
      succeeded(await alpha.send(bravo), world.rig.traits.effect);
    },
  },
  {
    id: "close/silent",
    holds: "hands over and reports nothing once it was disposed",
    async run(world) {
      const { rig, medium } = world;
      const [alpha, bravo] = await world.pair();
      succeeded(await alpha.send(bravo), rig.traits.effect);
      if (rig.traits.inbound) await world.arrived(bravo, 1);
      await bravo.close();
      const result = await alpha.send(bravo);
      if (!result.ok) checkError(result.error);
      await rig.cut?.(medium);
      await alpha.close();
      await new Promise((resolve) => setImmediate(resolve));
    },
  },
  {
    id: "close/sends-fail-CLOSED",
    holds: "says CLOSED to whoever sends after it was disposed",
    async run(world) {
      const [alpha, bravo] = await world.pair();
      const { link } = alpha;
      await alpha.close();
      failed(await alpha.carry(bravo.id, world.bytes(64), undefined, link), "CLOSED");
    },
  },
  {
    id: "close/in-flight-ends",
    holds: "ends the sends under way when it is disposed, with CLOSED",
    skip: needsDelivery,
    async run(world) {
      const [alpha, bravo] = await world.pair();
      const gate = new Gate();
      bravo.host.judge = gate.before(take);
      const sending = [alpha.send(bravo), alpha.send(bravo), alpha.send(bravo)];
      await world.arrived(bravo, 1);
      await alpha.close();
      for (const result of await Promise.all(sending)) failed(result, "CLOSED");
      gate.open();
    },
  },
  {
    id: "close/under-a-verdict",
    holds: "can be disposed while its daemon is still judging a frame, and the sender learns how it ended",
    skip: needsDelivery,
    async run(world) {
      const [alpha, bravo] = await world.pair();
      const gate = new Gate();
      bravo.host.judge = gate.before(take);
      const sending = alpha.send(bravo);
      await world.arrived(bravo, 1);
      const closing = bravo.close();
      gate.open();
      await closing;
      const result = await sending;
      if (!result.ok) checkError(result.error);
    },
  },
  {
    id: "close/closed-settles",
    holds: "settles closed when it is disposed, with undefined, and not before",
    async run(world) {
      const [alpha, bravo] = await world.pair();
      const { link } = alpha;
      let settled = false;
      void link.closed.finally(() => (settled = true));
      succeeded(await alpha.send(bravo), world.rig.traits.effect);
      assert.equal(settled, false, "an open link is not closed");
      await alpha.close();
      assert.equal(await world.within("closed settles", link.closed), undefined);
    },
  },
  {
    id: "reopen/works",
    holds: "opens again after it was closed, and peers reach it again",
    async run(world) {
      const [alpha, bravo] = await world.pair();
      const inbound = needsInbound(world.rig) === undefined;
      for (const count of [1, 2, 3]) {
        succeeded(await alpha.send(bravo), world.rig.traits.effect);
        if (inbound) await world.arrived(bravo, count);
        if (inbound) succeeded(await bravo.send(alpha), world.rig.traits.effect);
        if (inbound) await world.arrived(alpha, count);
        await (count === 1 ? alpha : bravo).close();
        await (count === 1 ? alpha : bravo).open();
      }
    },
  },
];
