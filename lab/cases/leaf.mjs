import { none } from "../channels.mjs";
import { converse, outage, tally } from "../conversation.mjs";
import { withFleet } from "../fleet.mjs";
import { Ledger, quantiles } from "../ledger.mjs";
import { NatsServer } from "../nats.mjs";
import { address } from "../channels.mjs";

/** @param {number} server */
const config = (server) => ({ channels: { ...none, nats: { servers: `nats://${address(server)}:4222` } } });

/** @type {import("../run.mjs").Case} */
export default {
  title: "A leaf's hub is gone for a while: the leaf's machine goes on, and all arrives",
  needs: ["nats-server"],
  run: ({ full }) =>
    withFleet(
      { mac1: config(1), mac2: config(3), hub: null },
      async ({ network }) => {
        const hub = network.host("hub");
        await new NatsServer(hub, { acceptsLeaves: true }).start();
        await new NatsServer(network.host("mac1"), { hub }).start();
      },
      async (fleet) => {
        const [mac1, mac2] = [fleet.node("mac1"), fleet.node("mac2")];
        const ledger = new Ledger();
        const before = await converse(ledger, mac1, mac2, 5);
        await fleet.network.cable("hub", "down");
        const began = Date.now();
        for (let i = 0; i < 20; i++) await ledger.send(mac1, mac2);
        // The leaf's own node goes on: what it accepts is durable here at once.
        const accepting = Date.now() - began;
        const away = full ? 60_000 : 6_000;
        await outage(away);
        await fleet.network.cable("hub", "up");
        const healed = Date.now();
        const messages = (await ledger.settled()).slice(before.length);
        return [
          {
            what: `20 messages while the hub is gone for ${away / 1_000} s`,
            ...(await ledger.compare(await ledger.settled())),
            ms: quantiles(messages.map(({ settled }) => Date.parse(settled) - healed)),
            note: `from the heal to the receipt; accepted in ${accepting} ms; ${tally(messages)}`,
          },
        ];
      },
    ),
};
