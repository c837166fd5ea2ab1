import assert from "node:assert/strict";
import { Activity } from "../activity.js";
import { checkError, succeeded, type Case } from "../case.js";

/** What `promise` rejects with, or undefined when it does not. */
async function rejection(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise;
    return undefined;
  } catch (error) {
    return error;
  }
}

export const openCases: readonly Case[] = [
  {
    id: "open/inert",
    holds: "starts nothing when it is made: no handle, no timer, no request",
    async run(world) {
      const activity = new Activity();
      await activity.watch(async () => {
        world.node("alpha");
        await activity.checkInert();
      });
    },
  },
  {
    id: "open/aborts",
    holds: "stops opening when its signal fires, with ABORTED and nothing left open, and opens later",
    async run(world) {
      const activity = new Activity(world.rig.keepAliveMs);
      await activity.watch(async () => {
        const alpha = world.node("alpha");
        const before = await rejection(alpha.open(AbortSignal.abort()));
        checkError(before);
        assert.equal(before.code, "ABORTED", "a signal that had fired");
        const abort = new AbortController();
        const opening = rejection(alpha.open(abort.signal));
        abort.abort();
        // It may have been open already when it looked; then it is a link like any other.
        const during = await opening;
        if (during !== undefined) {
          checkError(during);
          assert.equal(during.code, "ABORTED", "a signal that fires while it opens");
        }
        await alpha.close();
        await activity.checkClosed();
        await alpha.open();
        const bravo = world.node("bravo");
        await bravo.open();
        succeeded(await alpha.send(bravo), world.rig.traits.effect);
        await world.closeAll();
      });
    },
  },
  {
    id: "open/misconfigured-code",
    holds: "says MISCONFIGURED of options that can never work, and leaves nothing open",
    skip: (rig) => (rig.misconfigured ? undefined : "the rig has no options that can never work"),
    async run(world) {
      const activity = new Activity(world.rig.keepAliveMs);
      await activity.watch(async () => {
        const alpha = world.node("alpha", world.rig.misconfigured?.());
        const error = await rejection(alpha.open());
        checkError(error);
        assert.equal(error.code, "MISCONFIGURED");
        await activity.checkClosed();
      });
    },
  },
];
