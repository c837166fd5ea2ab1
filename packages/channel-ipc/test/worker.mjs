// A node in a worker thread: opens the socket at workerData, closes it, and exits with the rights that the socket had.
import { lstatSync } from "node:fs";
import { workerData } from "node:worker_threads";
import { ipc } from "@multifleet/channel-ipc";

/** @type {import("@multifleet/core").ChannelHost} */
const host = {
  node: /** @type {import("@multifleet/core").NodeId} */ ("bravo"),
  fleet: /** @type {import("@multifleet/core").FleetId} */ ("home"),
  receive: async () => ({ code: "taken" }),
  count() {},
  report() {},
  addresses: () => [],
};

const link = await ipc({ path: workerData }).open(host, { signal: new AbortController().signal });
const { mode } = lstatSync(workerData);
await link[Symbol.asyncDispose]();
process.exit(mode & 0o777);
