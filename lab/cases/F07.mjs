import { none } from "../channels.mjs";
import { converse, fallThroughRow, sendAround } from "../conversation.mjs";
import { withHub } from "../hub.mjs";
import { Ledger } from "../ledger.mjs";

/** @type {import("../run.mjs").Case} */
export default {
  title: "nats-server is killed in the middle of a conversation: it goes on by HTTP",
  needs: ["nats-server"],
  run: ({ full }) =>
    withHub({ ...none, http: {} }, async ({ mac1, mac2, server }) => {
      const rounds = full ? 50 : 5;
      const ledger = new Ledger();
      /** @type {any[][]} */
      const [during = [], after = []] = [[], []];
      for (let round = 0; round < rounds; round++) {
        await converse(ledger, mac1, mac2, 3);
        during.push(...(await sendAround(ledger, mac1, mac2, 60, () => server.signal("SIGKILL"))));
        after.push(...(await converse(ledger, mac1, mac2, 5)));
        await server.start();
      }
      const all = await ledger.settled();
      return [
        await fallThroughRow(`${rounds} kills, messages under way and right after`, ledger, during, all),
        await fallThroughRow("the 5 after each", ledger, after, all),
      ];
    }),
};
