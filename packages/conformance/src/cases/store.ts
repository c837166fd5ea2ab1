import { needsStore, succeeded, type Case } from "../case.js";

/** Frames that wait in a store. */
export const storeCases: readonly Case[] = [
  {
    id: "receive/waiting",
    holds: "hands over at its opening what was stored for it while it was closed",
    skip: needsStore,
    async run(world) {
      const [alpha, bravo] = await world.pair();
      await bravo.close();
      succeeded(await alpha.send(bravo), "stores");
      await bravo.open();
      await world.arrived(bravo, 1);
    },
  },
  {
    id: "receive/later-stays",
    holds:
      "leaves a frame where it is when the daemon says later, and hands it over again at its next opening",
    skip: needsStore,
    async run(world) {
      const [alpha, bravo] = await world.pair();
      const { judge } = bravo.host;
      bravo.host.judge = () => ({ code: "later", reason: "the disk is full" });
      const bytes = world.bytes(1_024);
      succeeded(await alpha.send(bravo, bytes), "stores");
      await world.arrived(bravo, 1);
      await bravo.close();
      bravo.host.judge = judge;
      world.expect(bravo, bytes);
      await bravo.open();
      await world.arrived(bravo, 2);
    },
  },
  {
    id: "receive/settled-once",
    holds: "hands over nothing again that the daemon took or refused",
    skip: needsStore,
    async run(world) {
      const [alpha, bravo] = await world.pair();
      succeeded(await alpha.send(bravo), "stores");
      await world.arrived(bravo, 1);
      bravo.host.judge = () => ({ code: "refused", reason: "not for this fleet" });
      succeeded(await alpha.send(bravo), "stores");
      await world.arrived(bravo, 2);
      await bravo.close();
      await bravo.open();
      succeeded(await alpha.send(bravo), "stores");
      await world.arrived(bravo, 3);
    },
  },
];
