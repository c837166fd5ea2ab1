import { address, none } from "../channels.mjs";
import { converse, fallThroughRow } from "../conversation.mjs";
import { withFleet } from "../fleet.mjs";
import { Ledger } from "../ledger.mjs";
import { NatsServer } from "../nats.mjs";

/** @param {number} own */
const config = (own) => ({
  channels: {
    ...none,
    nats: { servers: [own, 1, 2, 3].map((number) => `nats://${address(number)}:4222`) },
    http: {},
  },
});

/** @type {import("../run.mjs").Case} */
export default {
  title: "R=3: the stream leader is killed under load, and JetStream itself is away for seconds",
  needs: ["nats-server"],
  run: ({ full }) => {
    /** @type {NatsServer[]} */
    const servers = [];
    return withFleet(
      { mac1: config(1), mac2: config(2), mac3: config(3) },
      async ({ network }) => {
        const cluster = [...network.hosts.values()];
        servers.push(...cluster.map((host) => new NatsServer(host, { cluster })));
        await Promise.all(servers.map((server) => server.start()));
      },
      async (fleet) => {
        const [mac1, mac2] = [fleet.node("mac1"), fleet.node("mac2")];
        const ledger = new Ledger();
        await converse(ledger, mac1, mac2, 5);
        const { body } = await mac1.call("GET", "/health");
        const { replicas, leader } = body.jetstream ?? {};
        const victim = servers.find(({ name }) => name === leader);
        if (victim === undefined) throw new Error(`no leader is known: ${JSON.stringify(body.jetstream)}`);
        await victim.signal("SIGKILL");
        const after = await converse(ledger, mac1, mac2, full ? 2_000 : 150);
        await victim.start();
        const all = await ledger.settled();
        const row = await fallThroughRow(
          `R=${replicas}, ${after.length} messages after the kill`,
          ledger,
          after,
          all,
        );
        const slow = (row.ms?.p99 ?? Infinity) >= 300;
        return [
          {
            ...row,
            faults: [
              ...row.faults,
              ...(replicas === 3 ? [] : [`the stream has ${replicas} replicas`]),
              ...(slow ? [`fall-through p99 is ${row.ms?.p99} ms`] : []),
            ],
          },
        ];
      },
    );
  },
};
