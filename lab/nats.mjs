import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { findProgram } from "./kernel.mjs";

/** The ports of every nats-server of the lab. */
export const natsPorts = { client: 4222, cluster: 6222, leaf: 7422, monitor: 8222 };

/**
 * @typedef {object} NatsOptions
 * @property {string} [name]
 * @property {readonly import("./host.mjs").Host[]} [cluster] the hosts of all servers of its cluster, itself among them
 * @property {import("./host.mjs").Host} [hub] the host of the hub that it is a leaf of
 * @property {boolean} [acceptsLeaves]
 */

/** A real nats-server with JetStream on a host of the lab. */
export class NatsServer {
  /**
   * @param {import("./host.mjs").Host} host
   * @param {NatsOptions} [options]
   */
  constructor(host, { name = host.name, cluster, hub, acceptsLeaves = false } = {}) {
    this.host = host;
    this.name = name;
    this.url = `nats://${host.address}:${natsPorts.client}`;
    this.store = join(host.directory, "jetstream");
    mkdirSync(this.store, { recursive: true });
    const routes = (cluster ?? []).map(({ address }) => `"nats-route://${address}:${natsPorts.cluster}"`);
    const parts = [
      `server_name: "${name}"`,
      `listen: "${host.address}:${natsPorts.client}"`,
      `http: "127.0.0.1:${natsPorts.monitor}"`,
      `jetstream { store_dir: "${this.store}"${hub === undefined ? "" : `, domain: "${name}"`} }`,
      cluster === undefined
        ? ""
        : `cluster { name: "lab", listen: "${host.address}:${natsPorts.cluster}", routes: [${routes.join(", ")}] }`,
      acceptsLeaves ? `leafnodes { listen: "${host.address}:${natsPorts.leaf}" }` : "",
      hub === undefined
        ? ""
        : `leafnodes { reconnect: 1, remotes: [ { url: "nats-leaf://${hub.address}:${natsPorts.leaf}" } ] }`,
    ];
    this.config = join(host.directory, "nats.conf");
    writeFileSync(this.config, `${parts.filter((part) => part !== "").join("\n")}\n`);
  }

  async start() {
    await this.host.call("start", {
      ...{ name: "nats", command: findProgram("nats-server"), args: ["-c", this.config] },
      ...{ log: join(this.host.directory, "nats.log"), ready: "Server is ready" },
    });
  }

  /** The name of the server that leads the stream of copies, as this one knows it. @returns {Promise<string | undefined>} */
  async leader() {
    const path = "/jsz?accounts=true&streams=true";
    const { body } = await this.host.call("http", { method: "GET", path, port: natsPorts.monitor });
    const streams = (body.account_details ?? []).flatMap(
      (/** @type {any} */ account) => account.stream_detail ?? [],
    );
    return streams.find((/** @type {any} */ { name }) => name === "FLEET_MESSAGES")?.cluster?.leader;
  }

  /** @param {"SIGKILL" | "SIGTERM" | "SIGSTOP" | "SIGCONT"} signal */
  async signal(signal) {
    const wait = signal === "SIGKILL" || signal === "SIGTERM";
    await this.host.call("signal", { name: "nats", signal, wait });
  }
}
