import * as core from "@multifleet/core";
import { median } from "./load.mjs";

/** Microseconds to seal and to open a packet with a body of 1 KB, both sides together: the median of batches. */
export function sealAndOpen() {
  const keys = core.newKeyPair();
  const signer = core.signer(keys);
  const verifier = core.verifier(keys.publicKey);
  const gate = core.fleetGate(new Uint8Array(32).fill(7));
  const now = Date.now();
  const texts = {
    fleet: "bench",
    from: "mac1",
    to: "mac2",
    type: "context",
    session: "s1",
    toSession: "",
    replyTo: "",
    key: "s1",
  };
  const numbers = {
    stream: new Uint8Array(16),
    seq: 3,
    base: 1,
    prev: 2,
    created: now,
    expires: now + 60_000,
  };
  const body = core.encodeContent({ subject: "deploy", body: "x".repeat(1000) });
  const packet = {
    kind: "message",
    id: core.newPacketId(now),
    ...texts,
    ...numbers,
    idempotent: false,
    encrypted: false,
    body,
  };
  const trust = { fleet: "bench", node: "mac2", gate: () => gate, key: () => verifier };
  const batches = [];
  // The first ones are the compiler's: they do not count.
  for (let batch = -20; batch < 40; batch++) {
    const began = performance.now();
    for (let i = 0; i < 100; i++) {
      if (!core.open(core.seal(packet, { gate, signer }).bytes, trust).ok) throw new Error("not opened");
    }
    if (batch >= 0) batches.push((performance.now() - began) * 10);
  }
  return median(batches);
}
