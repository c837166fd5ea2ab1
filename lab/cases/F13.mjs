import { address, none } from "../channels.mjs";
import { converse, deliveryRow } from "../conversation.mjs";
import { withFleet } from "../fleet.mjs";
import { Ledger } from "../ledger.mjs";
import { startAllSshd } from "../sshd.mjs";

const channels = { ...none, http: {}, ssh: {}, ipc: {} };

/** @type {import("../run.mjs").Case} */
export default {
  title: "Only SSH works: delivered, cold and warm",
  needs: ["sshd", "ssh", "ssh-keygen"],
  run: ({ full }) =>
    withFleet(
      {
        mac1: { channels, peers: { mac2: { ssh: `root@${address(2)}` } } },
        mac2: { channels, peers: { mac1: { ssh: `root@${address(1)}` } } },
      },
      ({ network }) => startAllSshd([...network.hosts.values()]),
      async ({ network, nodes }) => {
        const [mac1, mac2] = [...nodes.values()];
        if (mac1 === undefined || mac2 === undefined) throw new Error("two nodes are needed");
        const ledger = new Ledger();
        await network.cut("mac1", "mac2", { ports: [8856], how: "reject" });
        const cold = await converse(ledger, mac1, mac2, 1);
        const warm = await converse(ledger, mac1, mac2, full ? 500 : 60);
        const all = await ledger.settled();
        return [
          { ...(await deliveryRow("cold: the first message", ledger, cold, all)), promised: 3_000 },
          { ...(await deliveryRow("warm: those after it", ledger, warm, all)), promised: 300 },
        ];
      },
    ),
};
