// Runs inside a host: takes orders on stdin, one JSON object a line, and answers on stdout. It ends when stdin does, and its host with it.
import { spawn } from "node:child_process";
import { createSocket } from "node:dgram";
import { createWriteStream } from "node:fs";
import { Agent, request } from "node:http";
import { createInterface } from "node:readline";
import { ToxicProxy } from "./toxic.mjs";

const agent = new Agent({ keepAlive: true, maxSockets: 64 });
/** @type {Map<string, import("node:child_process").ChildProcess>} */
const children = new Map();
/** @type {Map<string, ToxicProxy>} */
const proxies = new Map();

/** @param {object} said */
const say = (said) => process.stdout.write(`${JSON.stringify(said)}\n`);

/**
 * What can be ordered.
 *
 * @type {Record<string, (order: any) => unknown>}
 */
const orders = {
  /** Starts a program that stays; resolves once it has printed a line with `ready` in it. */
  async start({ name, command, args, env, cwd, log, ready }) {
    const file = createWriteStream(log, { flags: "a", mode: 0o600 });
    const child = spawn(command, args, {
      cwd,
      env: { ...process.env, ...env },
      stdio: ["ignore", "pipe", "pipe"],
      detached: true,
    });
    children.set(name, child);
    let text = "";
    await new Promise((resolve, reject) => {
      for (const stream of [child.stdout, child.stderr])
        stream.on("data", (bytes) => {
          file.write(bytes);
          if (ready === undefined || text.length > 100_000) return;
          text += String(bytes);
          if (text.includes(ready)) resolve(undefined);
        });
      child.on("error", reject);
      child.on("exit", (code, signal) => {
        children.delete(name);
        say({ event: "exit", name, code, signal });
        reject(new Error(`${name} ended with ${code ?? signal}: ${text.slice(-2_000)}`));
      });
      if (ready === undefined) child.on("spawn", resolve);
    });
    return child.pid;
  },
  /** Sends a signal to a program and all that it started. With `wait`, resolves once it has ended. */
  async signal({ name, signal, wait = false }) {
    const child = children.get(name);
    if (child?.pid === undefined) return;
    const ended = new Promise((resolve) => child.once("exit", resolve));
    process.kill(-child.pid, signal);
    if (wait) await ended;
  },
  /** Runs a program to its end. */
  run({ command, args, env, cwd, input = "" }) {
    return new Promise((resolve, reject) => {
      const child = spawn(command, args, {
        cwd,
        env: { ...process.env, ...env },
        stdio: ["pipe", "pipe", "pipe"],
        timeout: 30_000,
      });
      let [stdout, stderr] = ["", ""];
      child.stdout.on("data", (bytes) => (stdout += String(bytes)));
      child.stderr.on("data", (bytes) => (stderr += String(bytes)));
      child.on("error", reject);
      child.on("close", (code) => resolve({ code, stdout, stderr }));
      child.stdin.on("error", () => undefined);
      child.stdin.end(input);
    });
  },
  /** Calls a server on this host's loopback. */
  http({ method, port, path, token, body }) {
    const text = body === undefined ? undefined : JSON.stringify(body);
    return new Promise((resolve, reject) => {
      const headers = {
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        ...(text === undefined
          ? {}
          : { "content-type": "application/json", "content-length": Buffer.byteLength(text) }),
      };
      const sent = request({ host: "127.0.0.1", port, method, path, agent, headers }, (answer) => {
        let said = "";
        answer.setEncoding("utf8").on("data", (part) => (said += part));
        answer.on("error", reject);
        answer.on("end", () => {
          const json = answer.headers["content-type"]?.includes("json") && said !== "";
          resolve({ status: answer.statusCode, body: json ? JSON.parse(said) : said });
        });
      });
      sent.on("error", reject);
      sent.end(text);
    });
  },
  /** Passes on what a daemon's event stream says, from now on until the daemon ends. */
  follow({ port, token }) {
    return new Promise((resolve, reject) => {
      const headers = { authorization: `Bearer ${token}` };
      const sent = request({ host: "127.0.0.1", port, path: "/events", headers }, (answer) => {
        resolve(undefined);
        let type = "";
        const lines = createInterface({ input: answer });
        lines.on("line", (line) => {
          if (line.startsWith("event: ")) type = line.slice(7);
          if (line.startsWith("data: ")) say({ event: "told", token, type, data: JSON.parse(line.slice(6)) });
        });
        // The daemon was killed: what it had to say is said.
        answer.on("error", () => lines.close());
      });
      sent.on("error", reject);
      sent.end();
    });
  },
  /** Makes a proxy, or changes the one of that name. */
  async proxy({ name, at, target, toxic }) {
    const proxy = proxies.get(name) ?? new ToxicProxy(at, target);
    proxies.set(name, proxy);
    await proxy.set(toxic);
  },
  /** Listens for magic packets as a sleeping machine's network card does, and says when one comes. */
  async sleep({ mac }) {
    const pattern = Buffer.from(mac.replaceAll(/[:-]/g, ""), "hex");
    const magic = Buffer.concat([Buffer.alloc(6, 0xff), ...Array.from({ length: 16 }, () => pattern)]);
    const socket = createSocket({ type: "udp4", reuseAddr: true });
    socket.on("message", (bytes) => {
      if (bytes.includes(magic)) say({ event: "woken", at: Date.now() });
    });
    await new Promise((resolve) => socket.bind(9, () => resolve(undefined)));
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  const { id, order, ...rest } = JSON.parse(line);
  void obey(id, order, rest);
}
for (const { pid } of children.values()) if (pid !== undefined) process.kill(-pid, "SIGKILL");
process.exit(0);

/**
 * @param {number} id
 * @param {string} order
 * @param {object} rest
 */
async function obey(id, order, rest) {
  try {
    say({ id, value: (await orders[order]?.(rest)) ?? null });
  } catch (error) {
    say({ id, error: error instanceof Error ? error.message : String(error) });
  }
}
