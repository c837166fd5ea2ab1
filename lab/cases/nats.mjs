import { alone } from "../alone.mjs";
import { address, none } from "../channels.mjs";
import { NatsServer } from "../nats.mjs";

const channels = { ...none, nats: { servers: `nats://${address(3)}:4222` } };

export default alone("nats", "NATS alone carries between two hosts, by a server on a third", {
  needs: ["nats-server"],
  configs: { mac1: { channels }, mac2: { channels }, hub: null },
  named: true,
  prepare: ({ network }) => new NatsServer(network.host("hub")).start(),
});
