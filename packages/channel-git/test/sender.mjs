// A node in a process of its own, which can be killed: it sends one packet when it is told to.
import { frameCover, newAgeIdentity } from "@multifleet/core/age";
import { fleetId, newPacketId, nodeId } from "@multifleet/core";
import { git } from "@multifleet/channel-git";

const { identity, recipient } = await newAgeIdentity();
const cover = frameCover(identity, () => recipient);
const { signal } = new AbortController();
const link = await git({ ...JSON.parse(process.argv[2] ?? "{}"), cover }).open(
  {
    node: nodeId("alpha"),
    fleet: fleetId("home"),
    receive: async () => ({ code: "taken" }),
    count: () => undefined,
    report: () => undefined,
    addresses: () => [],
  },
  { signal },
);
process.once("message", () => {
  void link.send(
    { id: newPacketId(Date.now()), to: nodeId("bravo"), bytes: new Uint8Array(100_000) },
    { signal },
  );
});
process.send?.("open");
