import { ChannelError, maxPacketBytes, type Channel, type Verdict } from "@multifleet/core";
import type { Way } from "../messages/door.js";

/** The name of a node's way to itself; no channel of the config can have it. */
export const selfName = "self";

/**
 * A node's way to itself: a message to one's own node goes through the same door and the same store as any other, so that a fleet of
 * one machine keeps context between its sessions.
 */
export function selfChannel(receive: (bytes: Uint8Array, way: Way) => Promise<Verdict>): Channel {
  return {
    contract: 1,
    name: selfName,
    traits: { effect: "delivers", inbound: false, maxFrameBytes: maxPacketBytes, rank: 0 },
    open(host) {
      let close: (reason: undefined) => void;
      const closed = new Promise<undefined>((done) => (close = done));
      return Promise.resolve({
        reaches: (to) => to === host.node,
        async send({ bytes }) {
          const verdict = await receive(bytes, { name: selfName, effect: "delivers" });
          if (verdict.code === "taken")
            return {
              ok: true,
              effect: "delivers",
              ...(verdict.answer === undefined ? {} : { answer: verdict.answer }),
            };
          return {
            ok: false,
            error: new ChannelError(verdict.code === "later" ? "BUSY" : "REFUSED", verdict.reason),
          };
        },
        addresses: [],
        closed,
        [Symbol.asyncDispose]() {
          close(undefined);
          return Promise.resolve();
        },
      });
    },
  };
}
