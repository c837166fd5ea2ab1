// A node in a process of its own, to be killed or stopped. Takes every frame and answers with its process id.

/** @type {import("../packages/core/src/index.js").ChannelHost} */
const host = {
  node: /** @type {import("../packages/core/src/index.js").NodeId} */ ("bravo"),
  fleet: /** @type {import("../packages/core/src/index.js").FleetId} */ ("home"),
  async receive(bytes) {
    if (Buffer.from(bytes).toString() === "hold") return await new Promise(() => {});
    return { code: "taken", answer: Buffer.from(String(process.pid)) };
  },
  count() {},
  report() {},
  addresses: () => [],
};

/**
 * Opens a channel, tells the process that started this one where, and ends with that process.
 *
 * @param {import("../packages/core/src/index.js").Channel} channel
 */
export async function serve(channel) {
  process.on("disconnect", () => process.exit(0));
  const link = await channel.open(host, { signal: new AbortController().signal });
  process.send?.(link.addresses[0]);
}
