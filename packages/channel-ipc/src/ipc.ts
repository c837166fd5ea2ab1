import { ChannelError, maxPacketBytes, type Channel } from "@multifleet/core";
import { openDoor } from "./door.js";
import { IpcLink } from "./link.js";
import { checkOptions, type IpcOptions } from "./options.js";

/** A channel between the nodes of one user on one machine, by a unix domain socket or, on Windows, a named pipe. */
export function ipc(options: IpcOptions = {}): Channel {
  return {
    contract: 1,
    name: "ipc",
    traits: { effect: "delivers", inbound: true, maxFrameBytes: maxPacketBytes, rank: 8 },
    async open(host, { signal }) {
      const settings = checkOptions(options);
      if (signal.aborted) throw new ChannelError("ABORTED", "ipc: opening was aborted");
      const door = await openDoor(host, settings);
      if (signal.aborted) {
        await door.close();
        throw new ChannelError("ABORTED", "ipc: opening was aborted");
      }
      return new IpcLink(host, door);
    },
  };
}
