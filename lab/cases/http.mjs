import { alone } from "../alone.mjs";

export default alone("http", "HTTP alone carries between two hosts", {
  configs: {
    mac1: { channels: { http: {}, ipc: false, seed: false } },
    mac2: { channels: { http: {}, ipc: false, seed: false } },
  },
});
