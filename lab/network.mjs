import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Host } from "./host.mjs";
import { system } from "./kernel.mjs";

/**
 * Hosts on one switch. The switch is a bridge in namespaces of its own, so that nothing of this machine's network is touched, and a pulled cable
 * is a link taken down there: the host behind it notices nothing, as behind a real black hole.
 */
export class Network {
  /** @type {Map<string, Host>} */
  hosts = new Map();
  directory = mkdtempSync(join(tmpdir(), "mf-lab-"));
  #switch = new Host("switch", join(this.directory, "switch"), "");
  #port = 0;

  /**
   * Makes the hosts and plugs them in; resolves once each can be reached.
   *
   * @param {readonly string[]} names
   */
  static async make(names) {
    const network = new Network();
    try {
      await network.#switch.run("ip", "link", "add", "lan", "type", "bridge", "forward_delay", "0");
      await network.#switch.run("ip", "link", "set", "lan", "up");
      for (const name of names) await network.#plug(name);
      return network;
    } catch (error) {
      await network.end();
      throw error;
    }
  }

  /** @param {string} name */
  host(name) {
    const host = this.hosts.get(name);
    if (host === undefined) throw new Error(`no host ${name}`);
    return host;
  }

  /** @param {string} name */
  async #plug(name) {
    const number = this.hosts.size + 1;
    const host = new Host(name, join(this.directory, name), `10.77.0.${number}`);
    this.hosts.set(name, host);
    const port = `port${this.#port++}`;
    system(
      ...["ip", "link", "add", port, "netns", String(await this.#switch.pid()), "type", "veth"],
      ...["peer", "name", "eth0", "netns", String(await host.pid())],
    );
    await this.#switch.run("ip", "link", "set", port, "master", "lan", "up");
    await host.run("ip", "addr", "add", `${host.address}/24`, "dev", "eth0");
    await host.run("ip", "link", "set", "eth0", "up");
    // Until the kernel's own word that the link works; it tells of each change.
    await host.run(
      "sh",
      "-c",
      'timeout 10 sh -c \'ip -o link show eth0 | grep -q "state UP" || ip monitor link | grep -m1 "state UP"\'',
    );
  }

  /**
   * Pulls a host's cable, with no word to anybody, or plugs it in again.
   *
   * @param {string} name
   * @param {"up" | "down"} state
   */
  async cable(name, state) {
    const port = `port${[...this.hosts.keys()].indexOf(name)}`;
    await this.#switch.run("ip", "link", "set", port, state);
  }

  /**
   * Has `name` lose what it would send to, or get from, the given TCP ports of `peer`: `drop` loses it, `reject` answers with a reset;
   * `deaf` loses only what comes from `peer`, as a link does that works one way.
   *
   * @param {string} name
   * @param {string} peer
   * @param {{ ports?: readonly number[], how?: "drop" | "reject" | "deaf" }} [options] without ports, everything
   */
  async cut(name, peer, { ports, how = "drop" } = {}) {
    const { address } = this.host(peer);
    const [to, from] =
      ports === undefined
        ? ["", ""]
        : [`tcp dport { ${ports.join(", ")} }`, `tcp sport { ${ports.join(", ")} }`];
    const drops = [
      `out ip daddr ${address} ${to}`,
      `out ip daddr ${address} ${from}`,
      `in ip saddr ${address} ${to}`,
      `in ip saddr ${address} ${from}`,
    ];
    const rules =
      how !== "reject"
        ? drops.filter((rule) => how === "drop" || rule.startsWith("in ")).map((rule) => `${rule} drop`)
        : [`out ip daddr ${address} ${to} reject with tcp reset`];
    const chain = (/** @type {"in" | "out"} */ way) =>
      `chain ${way} { type filter hook ${way}put priority 0; ${rules
        .filter((rule) => rule.startsWith(`${way} `))
        .map((rule) => rule.slice(way.length))
        .join("; ")}; }\n`;
    await this.host(name).run("nft", `table ip ${tableOf(peer)} {\n${chain("in")}${chain("out")}}`);
  }

  /**
   * Undoes `cut`.
   *
   * @param {string} name
   * @param {string} peer
   */
  async heal(name, peer) {
    await this.host(name).run("nft", "delete", "table", "ip", tableOf(peer));
  }

  async end() {
    await Promise.all([...this.hosts.values(), this.#switch].map((host) => host.end()));
    rmSync(this.directory, { recursive: true, force: true });
  }
}

/** @param {string} peer */
function tableOf(peer) {
  return `cut_${peer.replaceAll("-", "_")}`;
}
