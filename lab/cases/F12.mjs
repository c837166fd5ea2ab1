import { none } from "../channels.mjs";
import { converse, fallThroughRow } from "../conversation.mjs";
import { withHub } from "../hub.mjs";
import { Ledger } from "../ledger.mjs";

/** @type {import("../run.mjs").Case} */
export default {
  title: "NATS and HTTP are both cut between two hosts, a third reaches both: its relay delivers",
  needs: ["nats-server"],
  run: ({ full }) =>
    withHub(
      { ...none, http: {}, relay: {} },
      async ({ fleet, mac1, mac2, server }) => {
        const ledger = new Ledger();
        await converse(ledger, mac1, mac2, 3);
        await server.signal("SIGKILL");
        await fleet.network.cut("mac1", "mac2");
        const first = await converse(ledger, mac1, mac2, 1);
        const warm = await converse(ledger, mac1, mac2, full ? 500 : 40);
        await fleet.network.heal("mac1", "mac2");
        const back = await converse(ledger, mac1, mac2, 5);
        const all = await ledger.settled();
        return [
          await fallThroughRow("the first message after the cut", ledger, first, all),
          await fallThroughRow("those after it", ledger, warm, all),
          await fallThroughRow("after the heal", ledger, back, all),
        ];
      },
      { third: { ...none, http: {}, relay: {} } },
    ),
};
