// The message that the vectors vary.
import { encodeContent, fleetId, nodeId, packetId } from "@multifleet/core";

/** @import { Packet } from "@multifleet/core" */

/** What it says. */
export const content = { subject: "deploy", body: "push the landing page" };

export const message = /** @type {Packet} */ ({
  kind: "message",
  fleet: fleetId("home"),
  from: nodeId("mac1"),
  to: nodeId("mac2"),
  id: packetId("01jdw9k2m00000000000000001"),
  type: "context",
  session: "",
  toSession: "",
  replyTo: "",
  key: "",
  stream: Buffer.from("000102030405060708090a0b0c0d0e0f", "hex"),
  seq: 1,
  base: 1,
  prev: 0,
  created: 1_764_000_000_000,
  expires: 1_764_604_800_000,
  idempotent: false,
  encrypted: false,
  body: encodeContent(content),
});

/** What a packet of the other kinds has instead. */
export const unnumbered = { seq: 0, base: 0, prev: 0, type: "none", body: new Uint8Array(0) };
