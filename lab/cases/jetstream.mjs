import { alone } from "../alone.mjs";
import { address, none } from "../channels.mjs";
import { NatsServer } from "../nats.mjs";

const channels = { ...none, nats: { servers: `nats://${address(3)}:4222` } };

export default alone(
  "jetstream",
  "JetStream alone keeps what is for a host whose daemon is down, until it starts",
  {
    needs: ["nats-server"],
    configs: { mac1: { channels }, mac2: { channels }, hub: null },
    prepare: ({ network }) => new NatsServer(network.host("hub")).start(),
    named: true,
    before: (fleet) => fleet.node("mac2").stop(),
    after: (fleet) => fleet.node("mac2").start(),
  },
);
