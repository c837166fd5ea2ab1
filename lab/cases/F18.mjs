import { address, none } from "../channels.mjs";
import { outage, tally } from "../conversation.mjs";
import { withHub } from "../hub.mjs";
import { Ledger, quantiles } from "../ledger.mjs";
import { ports } from "../node.mjs";
import { startAllSshd } from "../sshd.mjs";

/**
 * What returns, and in what time messages are promised to arrive: within a second of an event that tells of it, within 30 s where none does.
 *
 * @type {readonly { channel: string, promised: number }[]}
 */
const returns = [
  { channel: "nats", promised: 1_000 },
  { channel: "http", promised: 30_000 },
  { channel: "ssh", promised: 30_000 },
  { channel: "relay", promised: 30_000 },
];

/** @type {import("../run.mjs").Case} */
export default {
  title: "Everything is down for a while, then one channel returns, each in turn",
  needs: ["nats-server", "sshd", "ssh", "ssh-keygen"],
  run: ({ full }) =>
    withHub(
      { ...none, http: {}, ssh: {}, relay: {}, ipc: {} },
      async ({ fleet: { network }, mac1, mac2, server }) => {
        const away = full ? 600_000 : 5_000;
        const rows = [];
        for (const { channel, promised } of returns) {
          const ledger = new Ledger();
          await server.signal("SIGKILL");
          for (const other of ["mac2", "hub"]) await network.cut("mac1", other);
          for (let i = 0; i < 20; i++) await ledger.send(mac1, mac2);
          await outage(away);
          const returned = await comeBack(channel);
          const messages = await ledger.settled();
          const times = messages.map(({ settled }) => Date.parse(settled) - returned);
          rows.push({
            what: `20 messages, all down for ${away / 1_000} s, ${channel} returns`,
            ...(await ledger.compare(messages)),
            ms: quantiles(times),
            promised,
            note: `from its return to the receipt; ${tally(messages)}`,
          });
          for (const other of ["mac2", "hub"]) await network.heal("mac1", other);
          if (channel !== "nats") await server.start();
        }
        return rows;

        /**
         * Lets one channel work again, and nothing else.
         *
         * @param {string} channel
         * @returns {Promise<number>} when
         */
        async function comeBack(channel) {
          const by = channel === "nats" || channel === "relay" ? "hub" : "mac2";
          await network.heal("mac1", by);
          if (channel === "http") await network.cut("mac1", by, { ports: [22] });
          if (channel === "ssh" || channel === "nats")
            await network.cut("mac1", by, { ports: [ports.packets] });
          if (channel === "relay") await network.cut("mac1", by, { ports: [22] });
          if (channel !== "nats") return Date.now();
          const back = [mac1, mac2].map((node) =>
            node.event("channel", (data) => data.channel === "nats" && data.state === "up"),
          );
          await server.start();
          await Promise.all(back);
          return Date.now();
        }
      },
      {
        third: { ...none, http: {}, relay: {} },
        peers: {
          mac1: { mac2: { ssh: `root@${address(2)}` } },
          mac2: { mac1: { ssh: `root@${address(1)}` } },
        },
        before: ({ network }) => startAllSshd([network.host("mac1"), network.host("mac2")]),
      },
    ),
};
