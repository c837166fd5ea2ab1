import { Network } from "./network.mjs";
import { Node } from "./node.mjs";

/** Daemons on hosts of their own, members of one fleet. */
export class Fleet {
  /** @type {Map<string, Node>} */
  nodes = new Map();
  /** @type {(() => Promise<unknown>)[]} */
  ends = [];

  /** @param {Network} network */
  constructor(network) {
    this.network = network;
  }

  /**
   * Makes a host for each node, starts the daemons and joins them, over HTTP, which need not be there any more afterwards: a node that has a config
   * is started again with it.
   *
   * @param {Readonly<Record<string, object | null>>} configs by node; null for a host without one, such as a server's
   * @param {(fleet: Fleet) => Promise<unknown>} [prepare] makes what the configs need, such as a server, once the hosts are there
   */
  static async start(configs, prepare) {
    const fleet = new Fleet(await Network.make(Object.keys(configs)));
    try {
      await prepare?.(fleet);
      for (const [name, config] of Object.entries(configs)) if (config !== null) await fleet.#join(name);
      await Promise.all(
        [...fleet.nodes.values()].map(async (node) => {
          await node.stop();
          node.configure(configs[node.name] ?? {});
          await node.start();
        }),
      );
      return fleet;
    } catch (error) {
      await fleet.end();
      throw error;
    }
  }

  /** @param {string} name */
  node(name) {
    const node = this.nodes.get(name);
    if (node === undefined) throw new Error(`no node ${name}`);
    return node;
  }

  async end() {
    for (const end of this.ends.reverse()) await end();
    await this.network.end();
  }

  /** @param {string} name */
  async #join(name) {
    const node = new Node(this.network.host(name));
    const [first] = this.nodes.values();
    this.nodes.set(name, node);
    await node.start();
    if (first === undefined) return;
    const { body } = await first.call("POST", "/invite", { uses: 1, expires: "1h" });
    const joined = await node.call("POST", "/join", { code: body.code });
    if (joined.status !== 200) throw new Error(`${name} did not join: ${JSON.stringify(joined.body)}`);
  }
}

/**
 * Starts a fleet for the time of `work`.
 *
 * @template Result
 * @param {Parameters<typeof Fleet.start>[0]} configs
 * @param {(fleet: Fleet) => Promise<unknown>} prepare
 * @param {(fleet: Fleet) => Promise<Result>} work
 * @returns {Promise<Result>}
 */
export async function withFleet(configs, prepare, work) {
  const fleet = await Fleet.start(configs, prepare);
  try {
    return await work(fleet);
  } finally {
    await fleet.end();
  }
}
