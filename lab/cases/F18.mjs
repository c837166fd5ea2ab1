import { none } from "../channels.mjs";
import { outage, tally } from "../conversation.mjs";
import { withHub } from "../hub.mjs";
import { Ledger, quantiles } from "../ledger.mjs";

/** What returns, how, and what tells that it has. */
const returns = /** @type {const} */ (["http", "nats"]);

/** @type {import("../run.mjs").Case} */
export default {
  title: "Everything is down for a while, then one channel returns, each in turn",
  needs: ["nats-server"],
  run: ({ full }) =>
    withHub({ ...none, http: {} }, async ({ fleet, mac1, mac2, server }) => {
      const rows = [];
      const away = full ? 600_000 : 5_000;
      for (const channel of returns) {
        const ledger = new Ledger();
        await server.signal("SIGKILL");
        await fleet.network.cut("mac1", "mac2");
        for (let i = 0; i < 20; i++) await ledger.send(mac1, mac2);
        await outage(away);
        let returned = Date.now();
        if (channel === "http") {
          await fleet.network.heal("mac1", "mac2");
          returned = Date.now();
          // A healed link says nothing to anybody: the next thing that mac2 has to say does.
          await mac2.call("POST", "/check", { peer: "mac1" });
        } else {
          const back = [mac1, mac2].map((node) =>
            node.event("channel", (data) => data.channel === "nats" && data.state === "up"),
          );
          await server.start();
          await Promise.all(back);
          returned = Date.now();
        }
        const messages = await ledger.settled();
        const row = await ledger.compare(messages);
        const times = messages.map(({ settled }) => Date.parse(settled) - returned);
        rows.push({
          what: `20 messages, all down for ${away / 1_000} s, ${channel} returns`,
          ...row,
          ms: quantiles(times),
          promised: 1_000,
          note: `from the event to the receipt; ${tally(messages)}`,
        });
        if (channel === "nats") await fleet.network.heal("mac1", "mac2");
        else await server.start();
      }
      return rows;
    }),
};
