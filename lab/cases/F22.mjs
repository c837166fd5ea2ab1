import { none } from "../channels.mjs";
import { converse, fallThroughRow } from "../conversation.mjs";
import { withFleet } from "../fleet.mjs";
import { Ledger } from "../ledger.mjs";

const channels = { ...none, http: {}, relay: {} };

/** @type {import("../run.mjs").Case} */
export default {
  title:
    "A link works one way only: what arrives is not answered; both directions are delivered all the same",
  run: ({ full }) =>
    withFleet(
      { mac1: { channels }, mac2: { channels }, mac3: { channels } },
      async () => undefined,
      async ({ network, nodes }) => {
        const [mac1, mac2] = [...nodes.values()];
        if (mac1 === undefined || mac2 === undefined) throw new Error("two nodes are needed");
        const ledger = new Ledger();
        await converse(ledger, mac1, mac2, 3);
        await network.cut("mac1", "mac2", { how: "deaf" });
        const count = full ? 200 : 20;
        const there = await converse(ledger, mac1, mac2, count);
        const back = await converse(ledger, mac2, mac1, count);
        await network.heal("mac1", "mac2");
        const all = await ledger.settled();
        return [
          await fallThroughRow("by the deaf side", ledger, there, all),
          await fallThroughRow("to the deaf side", ledger, back, all),
        ];
      },
    ),
};
