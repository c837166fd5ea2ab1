import { Pool } from "undici";

/** @typedef {{ p50: number, p99: number, perSecond: number }} Figures */

/**
 * Posts `count` messages with `inFlight` under way at a time, each answered once it is delivered.
 *
 * @param {{ port: number, path: string, token?: string, body: string }} target
 * @param {{ inFlight: number, count: number }} load
 * @returns {Promise<Figures>} milliseconds from the post to the answer, and messages in a second
 */
export async function post({ port, path, token, body }, { inFlight, count }) {
  const pool = new Pool(`http://127.0.0.1:${port}`, { connections: inFlight, pipelining: 1 });
  const headers = {
    "content-type": "application/json",
    ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
  };
  /** @type {number[]} */
  const times = [];
  let started = 0;
  const client = async () => {
    while (started < count) {
      started++;
      const began = performance.now();
      const { body: answer } = await pool.request({ path, method: "POST", headers, body });
      const { state } = /** @type {{ state?: string }} */ (await answer.json());
      if (state !== "delivered") throw new Error(`a message is ${state}`);
      times.push(performance.now() - began);
    }
  };
  const began = performance.now();
  await Promise.all(Array.from({ length: inFlight }, client));
  const seconds = (performance.now() - began) / 1000;
  await pool.close();
  return { p50: quantile(times, 0.5), p99: quantile(times, 0.99), perSecond: count / seconds };
}

/** @param {readonly number[]} values @param {number} q */
export function quantile(values, q) {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(Math.floor(sorted.length * q), sorted.length - 1)] ?? Number.NaN;
}

/** @param {readonly number[]} values */
export function median(values) {
  return quantile(values, 0.5);
}
