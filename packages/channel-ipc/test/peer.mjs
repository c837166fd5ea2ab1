// A node in a process of its own, to be killed or stopped. Takes every frame and answers with its process id.
import { ipc } from "@multifleet/channel-ipc";

/** @type {import("@multifleet/core").ChannelHost} */
const host = {
  node: /** @type {import("@multifleet/core").NodeId} */ ("bravo"),
  fleet: /** @type {import("@multifleet/core").FleetId} */ ("home"),
  async receive(bytes) {
    if (Buffer.from(bytes).toString() === "hold") return await new Promise(() => {});
    return { code: "taken", answer: Buffer.from(String(process.pid)) };
  },
  count() {},
  report() {},
  addresses: () => [],
};

process.on("disconnect", () => process.exit(0));
const link = await ipc({ path: process.argv[2] ?? "" }).open(host, { signal: new AbortController().signal });
process.send?.(link.addresses[0]);
