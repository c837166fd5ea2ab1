import { ChannelError, maxPacketBytes, type Channel } from "@multifleet/core";
import { WolLink } from "./link.js";
import { checkOptions, type WolOptions } from "./options.js";
import { Memory } from "./waking.js";

/** A channel that carries nothing: it wakes the machine that a packet is for, by a magic packet on that machine's own network. */
export function wol(options: WolOptions = {}): Channel {
  const memory = new Memory();
  return {
    contract: 1,
    name: "wol",
    traits: { effect: "wakes", inbound: false, maxFrameBytes: maxPacketBytes, rank: 6 },
    open(host, { signal }) {
      return new Promise((resolve) => {
        const settings = checkOptions(options);
        if (signal.aborted) throw new ChannelError("ABORTED", "wol: opening was aborted");
        resolve(new WolLink(host, settings, memory));
      });
    },
  };
}
