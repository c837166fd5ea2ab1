// Writes packets.json: `node packages/core/vectors/generate.mjs`, after a build.
import { realpathSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import {
  encodeContent,
  encodeReceipt,
  encodeRelayAnswer,
  encodeRelayRequest,
  nodeId,
  packetId,
  seal,
} from "@multifleet/core";
import { by, fleetSecret, gates, hex, invitationSecret, nodes, trailer } from "./keys.mjs";
import { content, message, unnumbered } from "./message.mjs";
import { refusals } from "./refusals.mjs";

/** @import { Packet } from "@multifleet/core" */

// An age file differs each time it is made, so this one was made once: for this packet, and for this identity.
const age = {
  identity: "AGE-SECRET-KEY-17X8FX4PEXFS0XMPANWTFZLKMX4W4P06L3YR3TWYCPYZ82ZXWYU6SDKUU2A",
  recipient: "age1wadqaaexsml3h0ww5qf2ne73j2jdzhsv224m672dvwyfm3pcdffsmexew8",
};
const encrypted = [
  "6167652d656e6372797074696f6e2e6f72672f76310a2d3e2058323535313920572b756339484d2b4344653344674b37675549716c",
  "63484649627056686d363971527a4f463966323367450a344d6d74666a6a42794e76526e422f33356f6161706b3457576332673150",
  "556177775a61787453353777410a2d2d2d205a7a6e5a527455585a694d2b4979764253534b58442f39755a4a7a49456d3376746b62",
  "466d41644f6356670a25b34d2056fff8aff5e7587470fd683aa2ab8e1453c7bc43f0b8d0b29ac452faa26c09369e9da4cf4b7d3a56",
  "f11eef3cccd43a78ba4f0c037f918dc3d0c6bdc35a18cbca574028f6de9e8999ec3111b37a2f7c596b01c01edc6125b8893d381dd2",
  "a88ea18c5061c418e85ba22f98d45a013504ad6372024350ec",
].join("");

const beyondAscii = { subject: "größe 𝄞", body: '\ufeffline\r\nline\u0000 "__proto__"' };
const most = Number.MAX_SAFE_INTEGER;
const none = new Uint8Array(0);
const first = seal(message, { gate: gates.fleet, signer: by("mac1") });

/**
 * What is in packets.json.
 * @returns {Record<string, unknown>}
 */
export function vectors() {
  return {
    about:
      "Test vectors of the packet format, version 1, as docs/protocol.md describes it. Bytes are in hex; texts are text. " +
      "A reader that holds `keys` and believes `trust` opens every one of `packets` and refuses every one of `refusals` with its " +
      "`code`. Where a refusal has `padTo`, zero bytes follow `sealed` up to that length. The keys are public: use them for nothing else.",
    keys: {
      nodes: Object.fromEntries(
        Object.entries(nodes).map(([name, { seed, publicKey }]) => [name, { seed, publicKey }]),
      ),
      fleet: { secret: fleetSecret.toString("hex"), gateId: hex(gates.fleet.id) },
      invitation: { secret: invitationSecret.toString("hex"), gateId: hex(gates.invitation.id) },
      age,
    },
    trust: { fleet: "home", node: "mac2", members: ["mac1", "mac3"], gates: ["fleet", "invitation"] },
    packets: packets(),
    refusals: refusals(),
  };
}

function packets() {
  const id = (/** @type {number} */ n) => packetId(`01jdw9k2m0000000000000000${n}`);
  return [
    accepted("a message", message, { content }),
    accepted(
      "a message with every field",
      {
        ...message,
        ...{ id: id(2), from: nodeId("mac3"), type: "task", session: "claude-1", toSession: "codex größe" },
        ...{ replyTo: message.id, key: "𝄞", seq: 7, base: 3, prev: 6, idempotent: true },
        body: encodeContent(beyondAscii),
      },
      { content: beyondAscii },
    ),
    accepted("a message at its limits", {
      ...message,
      ...{ id: packetId("Z".repeat(64)), type: "t".repeat(32) },
      ...{
        session: "s".repeat(256),
        toSession: "é".repeat(128),
        replyTo: packetId("0"),
        key: "𝄞".repeat(64),
      },
      ...{ seq: most, base: most, prev: most - 1, created: most, expires: most },
      body: new Uint8Array(0),
    }),
    accepted("a notice", { ...message, kind: "notice", id: id(3), type: "floor", seq: 2, prev: 1 }),
    accepted(
      "an encrypted message",
      { ...message, id: id(5), seq: 3, encrypted: true, body: Buffer.from(encrypted, "hex") },
      { decrypted: hex(encodeContent(content)), content },
    ),
    accepted("a receipt: delivered", receipt("delivered", ""), {
      receipt: { digest: hex(first.digest), outcome: "delivered", reason: "" },
    }),
    accepted("a receipt: rejected", receipt("rejected", "unknown_type"), {
      receipt: { digest: hex(first.digest), outcome: "rejected", reason: "unknown_type" },
    }),
    accepted("a receipt: a probe reached its node", receipt("reached", ""), {
      receipt: { digest: hex(first.digest), outcome: "reached", reason: "" },
    }),
    accepted("a hello", { ...message, ...unnumbered, kind: "hello", id: id(6), base: 4 }),
    accepted("a probe", { ...message, ...unnumbered, kind: "probe", id: id(7) }),
    accepted("a join", { ...message, ...unnumbered, kind: "join", id: id(8) }),
    accepted("a welcome", { ...message, ...unnumbered, kind: "welcome", id: id(9), replyTo: id(8) }),
    accepted(
      "a relay",
      {
        ...message,
        ...unnumbered,
        ...{ kind: "relay", from: nodeId("mac3"), id: packetId("01jdw9k2m0000000000000000a") },
        body: encodeRelayRequest({ hops: 2, ask: "carry", target: nodeId("mac4"), packet: first.bytes }),
      },
      { relay: { hops: 2, ask: "carry", target: "mac4", packet: hex(first.bytes) } },
    ),
    accepted(
      "the answer to a relay",
      {
        ...message,
        ...unnumbered,
        ...{ kind: "relay", from: nodeId("mac3"), id: packetId("01jdw9k2m0000000000000000b") },
        replyTo: packetId("01jdw9k2m0000000000000000a"),
        body: encodeRelayAnswer({ outcome: "unreachable", reason: "no_way", beyond: "", answer: none }),
      },
      { relayed: { outcome: "unreachable", reason: "no_way", beyond: "", answer: "" } },
    ),
  ];
}

/**
 * @param {"delivered" | "rejected" | "reached"} outcome
 * @param {string} reason
 * @returns {Packet}
 */
function receipt(outcome, reason) {
  const body = encodeReceipt({ digest: first.digest, outcome, reason });
  return { ...message, ...unnumbered, kind: "receipt", type: "receipt", body };
}

/**
 * @param {string} name
 * @param {Packet} packet
 * @param {Record<string, unknown>} [means] what its body says
 */
function accepted(name, packet, means = {}) {
  const gate = packet.kind === "join" || packet.kind === "welcome" ? "invitation" : "fleet";
  const { bytes, digest } = seal(packet, { gate: gates[gate], signer: by(packet.from) });
  return {
    name,
    gate,
    fields: { ...packet, stream: hex(packet.stream), body: hex(packet.body) },
    ...means,
    signed: hex(bytes.subarray(0, -trailer)),
    digest: hex(digest),
    sealed: hex(bytes),
  };
}

const here = fileURLToPath(import.meta.url);
if (process.argv[1] !== undefined && realpathSync(process.argv[1]) === here) {
  writeFileSync(new URL("packets.json", import.meta.url), `${JSON.stringify(vectors(), null, 2)}\n`);
}
