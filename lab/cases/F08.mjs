import { none } from "../channels.mjs";
import { converse, fallThroughRow } from "../conversation.mjs";
import { withHub } from "../hub.mjs";
import { Ledger } from "../ledger.mjs";

/** @type {import("../run.mjs").Case} */
export default {
  title:
    "NATS becomes a black hole, with no reset: the first message falls through in time, later ones at once",
  needs: ["nats-server"],
  run: ({ full }) =>
    withHub({ ...none, http: {} }, async ({ fleet, mac1, mac2 }) => {
      const rounds = full ? 20 : 2;
      const ledger = new Ledger();
      /** @type {any[][]} */
      const [firsts = [], later = []] = [[], []];
      for (let round = 0; round < rounds; round++) {
        await converse(ledger, mac1, mac2, 3);
        const known = mac1.event("channel", ({ channel, state }) => channel === "nats" && state === "down");
        await fleet.network.cable("hub", "down");
        firsts.push(...(await converse(ledger, mac1, mac2, 1)));
        await known;
        later.push(...(await converse(ledger, mac1, mac2, 5)));
        const back = mac1.event("channel", ({ channel, state }) => channel === "nats" && state === "up");
        await fleet.network.cable("hub", "up");
        await back;
      }
      const all = await ledger.settled();
      return [
        await fallThroughRow("the first message after", ledger, firsts, all),
        await fallThroughRow("those once it is known to be down", ledger, later, all),
      ];
    }),
};
