import { randomBytes } from "node:crypto";

/**
 * The books of a case: what was accepted, what came of it at its sender, and what the receivers' inboxes hold. An answer that did not come leaves a
 * message unknown: it may be in the inbox once, or not at all.
 */
export class Ledger {
  /** @type {{ id: string, from: import("./node.mjs").Node, to: import("./node.mjs").Node, body: string }[]} */
  accepted = [];
  /** What was not answered, and why. @type {Map<string, unknown>} */
  unanswered = new Map();
  #name = randomBytes(4).toString("hex");
  #next = 0;

  /**
   * Sends one message and notes what was said of it; never throws.
   *
   * @param {import("./node.mjs").Node} from
   * @param {import("./node.mjs").Node} to
   * @param {{ body?: string, via?: string, expires?: string }} [options]
   * @returns {Promise<string>} its id
   */
  async send(from, to, { body, ...options } = {}) {
    const id = `${from.name}-${this.#name}-${String(this.#next++).padStart(5, "0")}`;
    const text = body ?? `text of ${id}`;
    const message = { id, type: "context", to: to.name, payload: { subject: "lab", body: text }, ...options };
    try {
      const { status } = await from.call("POST", "/message", message);
      if (status === 202) this.accepted.push({ id, from, to, body: text });
      else this.unanswered.set(id, status);
    } catch (error) {
      // The daemon died under the request: that is what several cases are about.
      this.unanswered.set(id, error);
    }
    return id;
  }

  /**
   * Waits for the end of all that was accepted.
   *
   * @param {number} [seconds]
   * @returns {Promise<any[]>} as their senders see them
   */
  async settled(seconds = 60) {
    const messages = [];
    for (const { id, from } of this.accepted) messages.push(await from.settled(id, seconds));
    return messages;
  }

  /**
   * Holds the inboxes against what was sent.
   *
   * @param {readonly any[]} messages as their senders see them
   */
  async compare(messages) {
    const faults = [];
    let [lost, twice, wrong] = [0, 0, 0];
    for (const node of new Set(this.accepted.map(({ to }) => to))) {
      const items = await node.inbox();
      const times = new Map();
      for (const { id } of items) times.set(id, (times.get(id) ?? 0) + 1);
      const bodies = new Map(items.map((/** @type {any} */ item) => [item.id, item.body]));
      for (const { id, body } of this.accepted.filter(({ to }) => to === node)) {
        if (times.get(id) === undefined) lost++;
        else if (bodies.get(id) !== body) wrong++;
      }
      twice += [...times.values()].filter((count) => count > 1).length;
    }
    const undelivered = messages.filter(({ state }) => state !== "delivered");
    if (lost > 0) faults.push(`${lost} lost`);
    if (twice > 0) faults.push(`${twice} twice`);
    if (wrong > 0) faults.push(`${wrong} with another body`);
    if (undelivered.length > 0)
      faults.push(
        `${undelivered.length} not delivered: ${undelivered
          .slice(0, 2)
          .map((message) =>
            JSON.stringify({ id: message.id, state: message.state, attempts: message.attempts?.slice(-6) }),
          )
          .join(" ")}`,
      );
    for (const node of new Set(this.accepted.map(({ from }) => from))) {
      const { body } = await node.call("GET", "/health");
      const { accepted, delivered, expired, rejected, cancelled, pending } = body.messages;
      if (accepted !== delivered + expired + rejected + cancelled + pending)
        faults.push(`${node.name}'s books do not balance: ${JSON.stringify(body.messages)}`);
    }
    return { n: this.accepted.length, lost, twice, unknown: this.unanswered.size, faults };
  }
}

/**
 * The attempt that delivered a message; undefined where it came by a store, which no attempt can tell.
 *
 * @param {any} message
 */
export function deliverer({ attempts }) {
  return attempts.find((/** @type {any} */ { outcome }) => outcome === "delivered");
}

/**
 * Milliseconds from the start of a message's first attempt to the start of the one that delivered or stored it.
 *
 * @param {any} message
 */
export function fallThrough(message) {
  const { attempts } = message;
  const end = deliverer(message) ?? attempts.find((/** @type {any} */ { outcome }) => outcome === "stored");
  return end === undefined ? Infinity : end.at - attempts[0].at;
}

/**
 * Milliseconds from a message's acceptance to its receipt.
 *
 * @param {any} message
 */
export function delivery({ created, settled }) {
  return Date.parse(settled) - Date.parse(created);
}

/**
 * The 50th and 99th hundredth, and the largest.
 *
 * @param {readonly number[]} values
 */
export function quantiles(values) {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (/** @type {number} */ part) => sorted[Math.max(0, Math.ceil(part * sorted.length) - 1)] ?? NaN;
  return { p50: at(0.5), p99: at(0.99), max: at(1) };
}
