import { none } from "../channels.mjs";
import { outage } from "../conversation.mjs";
import { withFleet } from "../fleet.mjs";
import { Ledger, quantiles } from "../ledger.mjs";

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
        const [link] = JSON.parse(await mac2.host.run("ip", "-j", "link", "show", "eth0"));
        // Its hello tells how it is woken, and comes a moment after its start.
        await mac1.until(
          "peer",
          () => true,
          async () => {
            const { body } = await mac1.call("GET", "/health");
            return body.peers.mac2.channels.wol.state !== "unreachable" && body.messages.pending === 0;
          },
        );
        await mac2.stop();
        await mac2.host.call("sleep", { mac: link.address });
        let packets = 0;
        mac2.host.listen((event) => (packets += event.event === "woken" ? 1 : 0));
        const woken = mac2.host.event(({ event }) => event === "woken");
        const ledger = new Ledger();
        for (let i = 0; i < 10; i++) await ledger.send(mac1, mac2);
        await woken.catch(async (error) => {
          const [{ id } = { id: "" }] = ledger.accepted;
          const { attempts } = (await mac1.call("GET", `/message/${id}`)).body;
          const { peers } = (await mac1.call("GET", "/health")).body;
          throw new Error(JSON.stringify({ attempts: attempts.slice(0, 6), mac2: peers.mac2 }), {
            cause: error,
          });
        });
        // What a machine takes to come up, and then its daemon starts.
        const boot = full ? 40_000 : 3_000;
        await outage(boot);
        const started = Date.now();
        await mac2.start();
        const messages = await ledger.settled();
        const row = await ledger.compare(messages);
        const times = messages.map(({ settled }) => Date.parse(settled) - started);
        return [
          {
            what: `10 messages to a sleeper that comes up after ${boot / 1_000} s`,
            ...row,
            ms: quantiles(times),
            promised: 2_000,
            note: `from the start of its daemon to the receipt; magic packets: ${packets}`,
            faults: [...row.faults, ...(packets === 1 ? [] : [`${packets} magic packets`])],
          },
        ];
      },
    ),
};
