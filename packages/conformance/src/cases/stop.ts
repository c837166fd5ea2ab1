import { failed, needsDelivery, needsInbound, succeeded, type Case } from "../case.js";
import { Gate } from "../host.js";
import { needsLimit } from "../sizes.js";

/** Sends that must not happen, or must stop. */
export const stopCases: readonly Case[] = [
  {
    id: "send/aborts",
    holds: "ends a send soon after its signal, with ABORTED, and carries on",
    skip: needsDelivery,
    async run(world) {
      const [alpha, bravo] = await world.pair();
      const gate = new Gate();
      bravo.host.judge = gate.before(() => ({ code: "taken", answer: world.bytes(8) }));
      const abort = new AbortController();
      const sending = alpha.send(bravo, world.bytes(64), abort.signal);
      await world.arrived(bravo, 1);
      abort.abort();
      failed(await sending, "ABORTED");
      const [first, second] = [alpha.send(bravo), alpha.send(bravo)];
      await world.arrived(bravo, 3);
      gate.open();
      succeeded(await first, "delivers");
      succeeded(await second, "delivers");
    },
  },
  {
    id: "send/aborted-before",
    holds: "does not touch the medium for a send whose signal has already fired",
    async run(world) {
      const [alpha, bravo] = await world.pair();
      failed(await alpha.carry(bravo.id, world.bytes(64), AbortSignal.abort()), "ABORTED");
      // Had the first been carried, it would be there before what follows it.
      for (const count of [1, 2]) {
        succeeded(await alpha.send(bravo), world.rig.traits.effect);
        if (needsInbound(world.rig) === undefined) await world.arrived(bravo, count);
      }
    },
  },
  {
    id: "send/too-large",
    holds: "says TOO_LARGE of a frame over its limit, does not touch the medium, and carries on",
    skip: needsLimit,
    async run(world) {
      const { effect, maxFrameBytes } = world.rig.traits;
      const [alpha, bravo] = await world.pair();
      failed(await alpha.carry(bravo.id, world.bytes(maxFrameBytes + 1)), "TOO_LARGE");
      for (const count of [1, 2]) {
        succeeded(await alpha.send(bravo), effect);
        if (needsInbound(world.rig) === undefined) await world.arrived(bravo, count);
      }
    },
  },
];
