import { alone } from "../alone.mjs";
import { none } from "../channels.mjs";

const channels = { ...none, http: {}, relay: {} };

export default alone("relay", "A relay alone carries between two hosts that are cut off from each other", {
  configs: { mac1: { channels }, mac2: { channels }, mac3: { channels } },
  before: ({ network }) => network.cut("mac1", "mac2"),
});
