import { address, none } from "../channels.mjs";
import { converse, fallThroughRow, sendAround } from "../conversation.mjs";
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
        const { replicas } = (await mac1.call("GET", "/health")).body.jetstream;
        const leader = await servers[0]?.leader();
        const victim = servers.find(({ name }) => name === leader);
        if (victim === undefined) throw new Error(`no leader is known: ${leader}`);
        const after = await sendAround(ledger, mac1, mac2, full ? 5_000 : 300, () =>
          victim.signal("SIGKILL"),
        );
        await victim.start();
        const all = await ledger.settled();
        const row = await fallThroughRow(
          `R=${replicas}, messages under way and after the kill`,
          ledger,
          after,
          all,
        );
        return [
          {
            ...row,
            faults: [...row.faults, ...(replicas === 3 ? [] : [`the stream has ${replicas} replicas`])],
          },
        ];
      },
    );
  },
};
