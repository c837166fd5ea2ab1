import { none } from "../channels.mjs";
import { converse, tally } from "../conversation.mjs";
import { withHub } from "../hub.mjs";
import { deliverer, Ledger, quantiles } from "../ledger.mjs";

/** @type {import("../run.mjs").Case} */
export default {
  title: "NATS returns: it is used again within a second of the reconnection",
  needs: ["nats-server"],
  run: ({ full }) =>
    withHub({ ...none, http: {} }, async ({ mac1, mac2, server }) => {
      const rounds = full ? 20 : 3;
      const ledger = new Ledger();
      /** @type {any[][]} */
      const [times = [], after = []] = [[], []];
      for (let round = 0; round < rounds; round++) {
        await server.signal("SIGKILL");
        await converse(ledger, mac1, mac2, 2);
        const back = [mac1, mac2].map((node) =>
          node.event("channel", ({ channel, state }) => channel === "nats" && state === "up"),
        );
        await server.start();
        await Promise.all(back);
        const returned = Date.now();
        for (let tries = 0; tries < 200; tries++) {
          const [message] = await converse(ledger, mac1, mac2, 1);
          if (deliverer(message)?.channel !== "nats") continue;
          times.push(deliverer(message).at - returned);
          break;
        }
        after.push(...(await converse(ledger, mac1, mac2, 10)));
      }
      const all = await ledger.settled();
      const row = await ledger.compare(all);
      return [
        {
          what: `${rounds} returns`,
          ...row,
          ms: quantiles(times),
          promised: 1_000,
          note: `from the reconnection to the first by nats; then ${tally(after)}`,
          faults: [
            ...row.faults,
            ...(times.length < rounds ? [`used again after ${times.length} of them`] : []),
          ],
        },
      ];
    }),
};
