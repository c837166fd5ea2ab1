import { frameBytes } from "../bytes.js";
import { failed, needsDelivery, needsInbound, succeeded, type Case } from "../case.js";
import { Gate } from "../host.js";

export const abortCases: readonly Case[] = [
  {
    id: "send/aborts",
    holds: "ends a send soon after its signal, with ABORTED, and carries on",
    skip: needsDelivery,
    async run(world) {
      const [alpha, bravo] = await world.pair();
      const gate = new Gate();
      bravo.host.judge = gate.before(() => ({ code: "taken", answer: frameBytes(8) }));
      const abort = new AbortController();
      const sending = alpha.send(bravo, frameBytes(64), abort.signal);
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
      failed(await alpha.carry(bravo.id, frameBytes(64), AbortSignal.abort()), "ABORTED");
      succeeded(await alpha.send(bravo), world.rig.traits.effect);
      if (needsInbound(world.rig) === undefined) await world.arrived(bravo, 1);
    },
  },
];
