import { Fleet } from "./fleet.mjs";
import { deliverer, delivery, Ledger, quantiles } from "./ledger.mjs";

/** How many messages each channel carries alone, and how long each body is, in bytes of UTF-8. */
const messages = 30;
const size = 100_000;

/** A body of `size` bytes, of characters of one to four bytes. @param {number} number */
function body(number) {
  const unit = "aé漢😀";
  const head = `message ${number} `;
  const times = Math.floor((size - head.length) / Buffer.byteLength(unit));
  const text = head + unit.repeat(times);
  return text + ".".repeat(size - Buffer.byteLength(text));
}

/**
 * A case: one channel, all others off, carries messages between two hosts, and the sender's status names it.
 *
 * @param {string} channel
 * @param {string} title
 * @param {object} rig
 * @param {Readonly<Record<string, object | null>>} rig.configs the first is the sender, the second the receiver
 * @param {readonly string[]} [rig.needs]
 * @param {(fleet: Fleet) => Promise<unknown>} [rig.prepare] before the daemons start
 * @param {(fleet: Fleet) => Promise<unknown>} [rig.before] before the messages are sent
 * @param {boolean} [rig.named] whether the sender names the channel, since another of the same package is on with it
 * @param {(fleet: Fleet) => Promise<unknown>} [rig.after] once they are accepted, and the receiver is up
 * @param {number} [rig.messages]
 * @returns {import("./run.mjs").Case}
 */
export function alone(
  channel,
  title,
  { configs, needs = [], prepare, before, named = false, after, messages: many = messages },
) {
  return {
    title,
    needs,
    async run() {
      const fleet = await Fleet.start(configs, prepare);
      try {
        const [from, to] = [...fleet.nodes.values()];
        if (from === undefined || to === undefined) throw new Error("two nodes are needed");
        await before?.(fleet);
        const ledger = new Ledger();
        for (let i = 0; i < many; i++) {
          await ledger.send(from, to, { body: body(i), ...(named ? { via: channel } : {}) });
        }
        await after?.(fleet);
        const settled = await ledger.settled(60);
        const { faults, ...counted } = await ledger.compare(settled);
        const paths = new Set(settled.map(pathOf));
        const shown = await from.cli("status", settled[0]?.id);
        return [
          {
            ...counted,
            what: `${many} messages of ${size} bytes by ${channel}`,
            ms: quantiles(settled.map(delivery)),
            note: `sent to receipt; path ${[...paths].join(", ")}`,
            faults: [
              ...faults,
              // A copy with a relay is a relay's work too.
              ...([...paths].every((path) => path === channel || path === `${channel}-store`)
                ? []
                : [`the path is ${[...paths].join(", ")}`]),
              ...(shown.includes(channel) ? [] : [`status does not name ${channel}: ${shown}`]),
            ],
          },
        ];
      } finally {
        await fleet.end();
      }
    },
  };
}

/** The channel that delivered a message, or else the one that stored it. @param {any} message */
function pathOf(message) {
  const stored = message.attempts.find((/** @type {any} */ { outcome }) => outcome === "stored");
  return (deliverer(message) ?? stored)?.channel ?? "none";
}
