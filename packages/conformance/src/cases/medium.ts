import assert from "node:assert/strict";
import { Activity } from "../activity.js";
import { failed, succeeded, type Case } from "../case.js";

/** What a channel says of its medium, and what it does on its own. */
export const mediumCases: readonly Case[] = [
  {
    id: "medium/reports-down-and-up",
    holds: "reports that its medium went down, and that it is back",
    skip: (rig) => (rig.cut && rig.heal ? undefined : "the rig cannot cut and heal this medium"),
    async run(world) {
      const { rig, medium } = world;
      const [alpha, bravo] = await world.pair();
      const reported = (state: "up" | "down", since = 0) =>
        alpha.host.events.some(
          (event, at) => at >= since && event.state === state && (event.peer ?? bravo.id) === bravo.id,
        );
      succeeded(await alpha.send(bravo), rig.traits.effect);
      const before = alpha.host.events.length;
      await rig.cut?.(medium);
      await world.within(
        "down is reported",
        alpha.host.until(() => reported("down", before)),
      );
      failed(await alpha.carry(bravo.id, world.bytes(64)), "UNREACHABLE", "CLOSED", "TIMEOUT", "INTERNAL");
      const since = alpha.host.events.length;
      await rig.heal?.(medium);
      // Where the medium itself cannot tell, the first frame that passes does.
      const first = await alpha.send(bravo);
      if (!first.ok) {
        await world.within(
          "up is reported",
          alpha.host.until(() => reported("up", since)),
        );
        succeeded(await alpha.send(bravo), rig.traits.effect);
      }
      assert.ok(reported("up", since), "up is reported");
    },
  },
  {
    id: "counts/errors",
    holds: "counts what it finds on the medium that is no frame, and carries on",
    skip: (rig) => (rig.garble ? undefined : "the rig cannot put junk on this medium"),
    async run(world) {
      const [alpha, bravo] = await world.pair();
      await world.rig.garble?.(world.medium, { node: bravo.id, addresses: bravo.addresses });
      await world.within(
        "a counter moves",
        bravo.host.until(() => bravo.host.counts.size > 0),
      );
      succeeded(await alpha.send(bravo), world.rig.traits.effect);
      await world.arrived(bravo, 1);
    },
  },
  {
    id: "idle/no-polling",
    holds: "does nothing by itself while there is nothing to do: every timer runs out",
    async run(world) {
      const activity = new Activity(world.rig.keepAliveMs);
      await activity.watch(async () => {
        const nodes = await world.triple();
        await activity.checkRest();
        const [alpha, bravo] = nodes;
        succeeded(await alpha.send(bravo), world.rig.traits.effect);
        if (world.rig.traits.inbound) await world.arrived(bravo, 1);
        await activity.checkRest();
        await world.closeAll();
      });
    },
  },
];
