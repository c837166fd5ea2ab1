import { withFleet } from "../fleet.mjs";
import { gitNeeds, gitOnly, readReceipts, startGit } from "../git.mjs";
import { Ledger } from "../ledger.mjs";

const channels = gitOnly(5);

/** @type {import("../run.mjs").Case} */
export default {
  title: "Only git works, and several senders push at once: all are delivered",
  needs: gitNeeds,
  run: ({ full }) =>
    withFleet(
      { mac1: { channels }, mac2: { channels }, mac3: { channels }, mac4: { channels }, hub: null },
      ({ network }) => startGit(network, "hub"),
      async ({ nodes }) => {
        const [target, ...senders] = [...nodes.values()];
        if (target === undefined) throw new Error("no node");
        const each = full ? 20 : 5;
        const ledger = new Ledger();
        await target.stop();
        await Promise.all(
          senders.map(async (sender) => {
            for (let i = 0; i < each; i++) await ledger.send(sender, target);
          }),
        );
        for (const { id, from } of ledger.accepted) await from.reached(id, "sent");
        await target.start();
        await target.received(each * senders.length);
        for (const sender of senders) {
          const own = ledger.accepted.filter(({ from }) => from === sender);
          await readReceipts(
            sender,
            own.map(({ id }) => id),
          );
        }
        const messages = await ledger.settled();
        return [
          {
            what: `${senders.length} senders, ${each} messages each, at once`,
            ...(await ledger.compare(messages)),
          },
        ];
      },
    ),
};
