import { alone } from "../alone.mjs";
import { address, none } from "../channels.mjs";
import { startAllSshd } from "../sshd.mjs";

const channels = { ...none, ssh: {}, seed: {} };

export default alone(
  "seed",
  "Seed files over SSH alone: written while the daemon is down, taken at its start (F15)",
  {
    needs: ["sshd", "ssh", "ssh-keygen"],
    configs: {
      mac1: { channels, peers: { mac2: { ssh: `root@${address(2)}` } } },
      mac2: { channels, peers: { mac1: { ssh: `root@${address(1)}` } } },
    },
    prepare: ({ network }) => startAllSshd([...network.hosts.values()]),
    named: true,
    before: (fleet) => fleet.node("mac2").stop(),
    after: (fleet) => fleet.node("mac2").start(),
  },
);
