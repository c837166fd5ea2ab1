// @ts-check
import { once } from "node:events";
import { connect } from "node:net";
import { test } from "node:test";
import { testChannel } from "@multifleet/conformance";
import tcp from "../index.js";

// #region kit
testChannel({
  test,
  rig: {
    traits: tcp().traits,
    // The medium is this machine's network: nothing to set up.
    create: () => undefined,
    channel: () => tcp(),
    misconfigured: () => tcp({ port: -1 }),
    // A peer that dies in the middle of a packet.
    async garble(_, { addresses: [address = ""] }) {
      const { hostname, port } = new URL(address);
      const socket = connect({ host: hostname, port: Number(port) });
      socket.end(Uint8Array.of(0, 0, 1));
      await once(socket.resume(), "close");
    },
  },
});
// #endregion kit
