import { rmSync } from "node:fs";
import { none } from "../channels.mjs";
import { withHub } from "../hub.mjs";
import { Ledger, quantiles } from "../ledger.mjs";

/** @type {import("../run.mjs").Case} */
export default {
  title: "JetStream's store is wiped between its ack and the delivery: the sender republishes",
  needs: ["nats-server"],
  run: () =>
    withHub(none, async ({ mac1, mac2, server }) => {
      const ledger = new Ledger();
      await mac2.stop();
      for (let i = 0; i < 20; i++) await ledger.send(mac1, mac2);
      // Each is stored: a carrier has it, and nobody else.
      for (const { id } of ledger.accepted) await mac1.reached(id, "sent");
      await server.signal("SIGKILL");
      rmSync(server.store, { recursive: true, force: true });
      await server.start();
      const healed = Date.now();
      await mac2.start();
      const messages = await ledger.settled();
      return [
        {
          what: "20 stored, the store wiped, the receiver started",
          ...(await ledger.compare(messages)),
          ms: quantiles(messages.map(({ settled }) => Date.parse(settled) - healed)),
          note: "from the server's start to the receipt",
        },
      ];
    }),
};
