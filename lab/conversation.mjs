import { deliverer, delivery, fallThrough, quantiles } from "./ledger.mjs";

/**
 * Sends messages one after another, each once the one before has ended.
 *
 * @param {import("./ledger.mjs").Ledger} ledger
 * @param {import("./node.mjs").Node} from
 * @param {import("./node.mjs").Node} to
 * @param {number} count
 * @returns {Promise<any[]>} as their sender sees them
 */
export async function converse(ledger, from, to, count) {
  const messages = [];
  for (let i = 0; i < count; i++) messages.push(await from.settled(await ledger.send(from, to), 30));
  return messages;
}

/**
 * Sends messages, several under way at a time, and does something in the middle.
 *
 * @param {import("./ledger.mjs").Ledger} ledger
 * @param {import("./node.mjs").Node} from
 * @param {import("./node.mjs").Node} to
 * @param {number} count
 * @param {() => Promise<unknown>} fault put in once a third of them were answered
 * @returns {Promise<any[]>} those that were under way then or sent later, as their sender sees them
 */
export async function sendAround(ledger, from, to, count, fault) {
  const width = 8;
  /** @type {string[]} */
  const ids = [];
  /** @type {Promise<unknown> | undefined} */
  let done;
  let first = 0;
  const lane = async () => {
    while (ids.length < count) {
      const at = ids.push("") - 1;
      ids[at] = await ledger.send(from, to);
      if (done !== undefined || ids.length < count / 3) continue;
      first = ids.length - width;
      done = fault();
    }
  };
  await Promise.all(Array.from({ length: width }, lane));
  await done;
  const messages = [];
  for (const id of ids.slice(first)) messages.push(await from.settled(id, 30));
  return messages;
}

/**
 * How long something is away in a case: what nobody can tell of by an event, since the time itself is the fault.
 *
 * @param {number} ms
 */
export function outage(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/**
 * A row on messages: what came of them, and how long it took until the channel that carried each was begun.
 *
 * @param {string} what
 * @param {import("./ledger.mjs").Ledger} ledger
 * @param {readonly any[]} messages those whose times are meant
 * @param {readonly any[]} [all] those that are counted; default: everything in the ledger
 * @returns {Promise<import("./report.mjs").Row>}
 */
export async function fallThroughRow(what, ledger, messages, all) {
  return await row(what, ledger, messages, fallThrough, all);
}

/**
 * The same, with the times from acceptance to receipt.
 *
 * @param {string} what
 * @param {import("./ledger.mjs").Ledger} ledger
 * @param {readonly any[]} messages
 * @param {readonly any[]} [all]
 * @returns {Promise<import("./report.mjs").Row>}
 */
export async function deliveryRow(what, ledger, messages, all) {
  const { promised: _, ...told } = await row(what, ledger, messages, delivery, all);
  return { ...told, note: `sent to receipt; ${told.note}` };
}

/**
 * @param {string} what
 * @param {import("./ledger.mjs").Ledger} ledger
 * @param {readonly any[]} messages
 * @param {(message: any) => number} time
 * @param {readonly any[]} [all]
 */
async function row(what, ledger, messages, time, all) {
  const counted = await ledger.compare(all ?? (await ledger.settled()));
  const sends = messages.reduce((sum, { attempts }) => sum + attempts.length, 0);
  return {
    what,
    ...counted,
    ms: quantiles(messages.map(time)),
    promised: 300,
    note: `by ${tally(messages)}; ${(sends / Math.max(1, messages.length)).toFixed(2)} attempts a message`,
  };
}

/** How many messages came by which channel. @param {readonly any[]} messages */
export function tally(messages) {
  /** @type {Record<string, number>} */
  const counts = {};
  for (const message of messages) {
    const channel = deliverer(message)?.channel ?? "a store";
    counts[channel] = (counts[channel] ?? 0) + 1;
  }
  return Object.entries(counts)
    .map(([channel, count]) => `${channel} ${count}`)
    .join(", ");
}
