import { alone } from "../alone.mjs";
import { gitNeeds, gitOnly, readReceipts, startGit } from "../git.mjs";

const channels = gitOnly(3);

export default alone("git", "A git remote alone carries, read at the receiver's start", {
  needs: gitNeeds,
  configs: { mac1: { channels }, mac2: { channels }, hub: null },
  prepare: ({ network }) => startGit(network, "hub"),
  before: (fleet) => fleet.node("mac2").stop(),
  async after(fleet) {
    const [mac1, mac2] = [fleet.node("mac1"), fleet.node("mac2")];
    const { body } = await mac1.call("GET", "/messages?limit=100");
    for (const { id } of body.messages) await mac1.reached(id, "sent");
    await mac2.start();
    await mac2.received(30);
    await readReceipts(
      mac1,
      body.messages.map((/** @type {any} */ { id }) => id),
    );
  },
});
