import { address } from "./channels.mjs";
import { withFleet } from "./fleet.mjs";
import { NatsServer } from "./nats.mjs";

/**
 * Two nodes on hosts of their own, and a nats-server on a third.
 *
 * @template Result
 * @param {object} channels of both nodes, without `nats`
 * @param {(parts: { fleet: import("./fleet.mjs").Fleet, mac1: import("./node.mjs").Node, mac2: import("./node.mjs").Node, server: NatsServer }) => Promise<Result>} work
 * @param {{ servers?: (number: number) => string, third?: object, peers?: Readonly<Record<string, object>>, before?: (fleet: import("./fleet.mjs").Fleet) => Promise<unknown> }} [options]
 *   the server's address for each node, where it is not the server's own, the channels of a third node, on the hub's host,
 *   what the config of each node says of its peers, and what else is made before the nodes start
 * @returns {Promise<Result>}
 */
export function withHub(
  channels,
  work,
  { servers = () => `nats://${address(3)}:4222`, before, third, peers = {} } = {},
) {
  /** @type {NatsServer[]} */
  const started = [];
  const config = (/** @type {number} */ number) => ({
    channels: { ...channels, nats: { servers: servers(number) } },
    peers: peers[`mac${number}`] ?? {},
  });
  return withFleet(
    { mac1: config(1), mac2: config(2), hub: third === undefined ? null : { channels: third } },
    async (fleet) => {
      const server = new NatsServer(fleet.network.host("hub"));
      await server.start();
      started.push(server);
      await before?.(fleet);
    },
    async (fleet) => {
      const [server] = started;
      if (server === undefined) throw new Error("no server");
      return await work({ fleet, mac1: fleet.node("mac1"), mac2: fleet.node("mac2"), server });
    },
  );
}
