import { address, none } from "../channels.mjs";
import { converse, fallThroughRow } from "../conversation.mjs";
import { withHub } from "../hub.mjs";
import { Ledger } from "../ledger.mjs";

const at = { host: "127.0.0.1", port: 4223 };

/** @type {import("../run.mjs").Case} */
export default {
  title: "NATS is slow (2 s), and not dead: HTTP wins the hedge",
  needs: ["nats-server"],
  run: ({ full }) =>
    withHub(
      { ...none, http: {} },
      async ({ mac1, mac2 }) => {
        const ledger = new Ledger();
        await converse(ledger, mac1, mac2, 20);
        await mac1.host.call("proxy", { name: "nats", toxic: { state: "pass", latency: 1_000 } });
        const slow = await converse(ledger, mac1, mac2, full ? 1_000 : 100);
        await mac1.host.call("proxy", { name: "nats", toxic: { state: "pass" } });
        return [await fallThroughRow(`${slow.length} messages while it is slow`, ledger, slow)];
      },
      {
        servers: (number) => (number === 1 ? `nats://${at.host}:${at.port}` : `nats://${address(3)}:4222`),
        async before(fleet) {
          const target = { host: address(3), port: 4222 };
          await fleet.network
            .host("mac1")
            .call("proxy", { name: "nats", at, target, toxic: { state: "pass" } });
        },
      },
    ),
};
