import { none } from "../channels.mjs";
import { outage } from "../conversation.mjs";
import { withFleet } from "../fleet.mjs";
import { Ledger } from "../ledger.mjs";

const channels = { ...none, http: {}, wol: { interfaces: ["eth0"] } };

/** @type {import("../run.mjs").Case} */
export default {
  title: "The target is asleep: one magic packet wakes it, and its hello brings everything",
  run: ({ full }) =>
    withFleet(
      { mac1: { channels }, mac2: { channels } },
      async () => undefined,
      async ({ nodes }) => {
        const [mac1, mac2] = [...nodes.values()];
        if (mac1 === undefined || mac2 === undefined) throw new Error("two nodes are needed");
        const mac = (await mac2.host.run("cat", "/sys/class/net/eth0/address")).trim();
        await mac2.stop();
        await mac2.host.call("sleep", { mac });
        let packets = 0;
        mac2.host.listen((event) => (packets += event.event === "woken" ? 1 : 0));
        const woken = mac2.host.event(({ event }) => event === "woken");
        const ledger = new Ledger();
        for (let i = 0; i < 10; i++) await ledger.send(mac1, mac2);
        await woken;
        // What a machine takes to come up, and then its daemon starts.
        const boot = full ? 40_000 : 3_000;
        await outage(boot);
        const started = Date.now();
        await mac2.start();
        const messages = await ledger.settled();
        const row = await ledger.compare(messages);
        const times = messages.map(({ settled }) => Date.parse(settled) - started);
        const late = Math.max(...times) > 2_000 + 3_000;
        return [
          {
            what: `10 messages to a sleeper that comes up after ${boot / 1_000} s`,
            ...row,
            ms: {
              p50: times.toSorted((a, b) => a - b)[5] ?? NaN,
              p99: Math.max(...times),
              max: Math.max(...times),
            },
            note: `from the start of its daemon to the receipt; magic packets: ${packets}`,
            faults: [
              ...row.faults,
              ...(packets === 1 ? [] : [`${packets} magic packets`]),
              ...(late ? [`delivered only after ${Math.max(...times)} ms`] : []),
            ],
          },
        ];
      },
    ),
};
