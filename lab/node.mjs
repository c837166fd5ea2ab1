import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const daemon = fileURLToPath(new URL("../packages/daemon/bin/multifleet-daemon.js", import.meta.url));
const cli = fileURLToPath(new URL("../packages/cli/bin/multifleet.js", import.meta.url));

/** The ports of every node of the lab: each has a machine of its own. */
export const ports = { api: 8855, packets: 8856 };

/** A real daemon on a host of the lab. */
export class Node {
  /**
   * @param {import("./host.mjs").Host} host
   * @param {object} [config] as in `config.json`; the packet listener's address is put in where it is on
   */
  constructor(host, config = {}) {
    this.host = host;
    this.name = host.name;
    this.home = join(host.directory, "root", ".multifleet");
    this.log = join(host.directory, "daemon.log");
    this.token = "";
    mkdirSync(this.home, { recursive: true, mode: 0o700 });
    this.configure(config);
  }

  /** Writes its config, which it reads at its next start. @param {any} config */
  configure(config) {
    this.config = config;
    const { http } = config.channels ?? {};
    const own = { host: this.host.address, port: ports.packets };
    const channels = { ...config.channels, ...(http === false ? {} : { http: { ...own, ...http } }) };
    writeFileSync(join(this.home, "config.json"), JSON.stringify({ ...config, channels }), { mode: 0o600 });
  }

  /** Starts it; resolves once it is ready. @param {Record<string, string>} [env] */
  async start(env = {}) {
    const options = ["--home", this.home, "--node", this.name, "--port", String(ports.api), "--log", "info"];
    await this.host.call("start", {
      ...{ name: "daemon", command: process.execPath, args: [daemon, ...options] },
      ...{ env, log: this.log, ready: '"node":' },
    });
    this.token = readFileSync(join(this.home, "api.token"), "utf8").trim();
    await this.host.call("follow", { port: ports.api, token: this.token });
  }

  /** Ends it: by SIGTERM as a user does, or by SIGKILL. @param {"SIGTERM" | "SIGKILL"} [signal] */
  async stop(signal = "SIGTERM") {
    await this.host.call("signal", { name: "daemon", signal, wait: true });
  }

  /** @param {"SIGSTOP" | "SIGCONT"} signal */
  async signal(signal) {
    await this.host.call("signal", { name: "daemon", signal });
  }

  /**
   * Calls its local API.
   *
   * @param {string} method
   * @param {string} path
   * @param {unknown} [body]
   * @returns {Promise<{ status: number, body: any }>}
   */
  call(method, path, body) {
    return this.host.call("http", { method, path, body, port: ports.api, token: this.token });
  }

  /**
   * Runs the command line against it, as a person does.
   *
   * @param {readonly string[]} args
   */
  cli(...args) {
    return this.host.run(process.execPath, cli, ...args, "--home", this.home);
  }

  /** @param {string} id @param {number} [seconds] @returns {Promise<any>} the message once it has ended, or as it is then */
  async settled(id, seconds = 30) {
    const { body } = await this.call("GET", `/message/${id}?wait=settled&timeout=${seconds}s`);
    return body;
  }

  /**
   * Resolves with the next of the node's own events of a type for which `wanted` holds.
   *
   * @param {string} type
   * @param {(data: any) => boolean} wanted
   * @param {{ seconds?: number, signal?: AbortSignal }} [options]
   * @returns {Promise<any>}
   */
  event(type, wanted, options) {
    const { host, token } = this;
    return host.event(
      (event) => event.event === "told" && event.token === token && event.type === type && wanted(event.data),
      options,
    );
  }

  /** Resolves once a message is in a state. @param {string} id @param {string} state */
  reached(id, state) {
    return this.until(
      "message",
      (data) => data.id === id && data.state === state,
      async () => (await this.call("GET", `/message/${id}`)).body.state === state,
    );
  }

  /** Resolves once the inbox holds so many items. @param {number} count */
  received(count) {
    const enough = async () => (await this.inbox()).length >= count;
    return this.until("inbox", () => true, enough);
  }

  /** The whole inbox. @returns {Promise<any[]>} */
  async inbox() {
    const all = [];
    for (let after = 0; ;) {
      const { body } = await this.call("GET", `/inbox?limit=500&after=${after}`);
      if (body.items.length === 0) return all;
      all.push(...body.items);
      after = body.items.at(-1).position;
    }
  }

  /**
   * Looks at each event of a type until what is asked for is so.
   *
   * @param {string} type
   * @param {(data: any) => boolean} wanted
   * @param {() => Promise<boolean>} isSo
   */
  async until(type, wanted, isSo) {
    const stop = new AbortController();
    try {
      for (let tries = 0; tries < 10_000; tries++) {
        const next = this.event(type, wanted, { signal: stop.signal });
        if (await isSo()) return;
        await next;
      }
    } finally {
      stop.abort();
    }
  }

  /** @returns {Promise<Record<string, number>>} */
  async counters() {
    return (await this.call("GET", "/health")).body.counters;
  }

  /** The newest of what it said. */
  tail() {
    return readFileSync(this.log, "utf8").slice(-4_000);
  }
}
