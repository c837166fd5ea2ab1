import { maxPacketBytes, type Channel, type ChannelHost, type Effect } from "@multifleet/core";
import { carryDirect } from "./direct.js";
import { sshError } from "./failure.js";
import { SshLink, type Carry } from "./link.js";
import { checkOptions, type SshOptions } from "./options.js";
import { Pool } from "./pool.js";
import { carrySeed } from "./seed.js";

/** The two channels over SSH, `seed` and `ssh`, over one kept connection for each peer. */
export function both(options: SshOptions = {}): readonly [seed: Channel, ssh: Channel] {
  const pool = new Pool();
  return [
    make("seed", "stores", 4, carrySeed, options, pool),
    make("ssh", "delivers", 5, carryDirect, options, pool),
  ];
}

/** Puts packets into the seed directory of a peer, where its daemon finds them when it runs. */
export function seed(options: SshOptions = {}): Channel {
  return both(options)[0];
}

/** Hands packets to the daemon of a peer, and brings its answer back. */
export function ssh(options: SshOptions = {}): Channel {
  return both(options)[1];
}

function make(
  name: string,
  effect: Effect,
  rank: number,
  carry: Carry,
  options: SshOptions,
  pool: Pool,
): Channel {
  return {
    contract: 1,
    name,
    traits: { effect, inbound: false, maxFrameBytes: maxPacketBytes, rank },
    async open(host: ChannelHost, { signal }) {
      const settings = checkOptions(options);
      if (signal.aborted) throw sshError("ABORTED", "opening was aborted");
      return new SshLink(host, settings, pool, carry);
    },
  };
}
