import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";

/** @typedef {{ pid: number, firstLine: string, startMs: number, stop: () => Promise<void> }} Started */

/**
 * Starts a Node program and waits for its first line, at most half a minute.
 *
 * @param {string[]} args
 * @param {NodeJS.ProcessEnv} [env]
 * @returns {Promise<Started>}
 */
export async function start(args, env = {}) {
  const began = performance.now();
  const child = spawn(process.execPath, args, {
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const limit = setTimeout(() => child.kill("SIGKILL"), 30_000);
  const lines = createInterface({ input: child.stdout });
  const line = once(lines, "line").then(([text]) => /** @type {string} */ (text));
  const firstLine = await Promise.race([line, once(child, "exit").then(() => undefined)]);
  clearTimeout(limit);
  if (firstLine === undefined) throw new Error(`${args[0]} ended before it was ready`);
  // Read on, so that the child never waits for its output to be taken.
  lines.resume();
  const stop = async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const exit = once(child, "exit");
    child.kill("SIGTERM");
    const kill = setTimeout(() => child.kill("SIGKILL"), 5_000);
    await exit;
    clearTimeout(kill);
  };
  return { pid: child.pid ?? 0, firstLine, startMs: performance.now() - began, stop };
}
