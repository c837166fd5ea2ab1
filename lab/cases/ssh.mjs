import { alone } from "../alone.mjs";
import { address, none } from "../channels.mjs";
import { startAllSshd } from "../sshd.mjs";

const channels = { ...none, ssh: {}, ipc: {} };

export default alone("ssh", "SSH alone carries between two hosts, to the daemon's socket", {
  needs: ["sshd", "ssh", "ssh-keygen"],
  configs: {
    mac1: { channels, peers: { mac2: { ssh: `root@${address(2)}` } } },
    mac2: { channels, peers: { mac1: { ssh: `root@${address(1)}` } } },
  },
  named: true,
  prepare: ({ network }) => startAllSshd([...network.hosts.values()]),
});
