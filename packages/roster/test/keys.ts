import { fleetGate, fleetId, newKeyPair, nodeId, signer, verifier, type NodeId } from "@multifleet/core";
import { rankOf, type Entry, type RowKeys } from "../src/index.js";

/** A fleet's keys for tests: what each member seals with, and whom all believe. */
export function makeFleet(...names: string[]) {
  const fleet = fleetId("fleet1");
  const gate = fleetGate(new Uint8Array(32).fill(7));
  const pairs = new Map(names.map((name) => [nodeId(name), newKeyPair()]));
  const keysOf = (name: string): RowKeys => {
    const pair = pairs.get(nodeId(name));
    if (pair === undefined) throw new Error(`no member ${name}`);
    return { fleet, gate, signer: signer(pair), stream: new Uint8Array(16).fill(rankOf(nodeId(name)) % 251) };
  };
  const trust = {
    fleet,
    gate: (id: Uint8Array) => (Buffer.compare(id, gate.id) === 0 ? gate : undefined),
    key: ({ from }: { readonly from: NodeId }) => {
      const pair = pairs.get(from);
      return pair === undefined ? undefined : verifier(pair.publicKey);
    },
  };
  return { fleet, gate, keysOf, trust };
}

export function entryOf(name: string, more: Partial<Entry> = {}): Entry {
  return {
    node_id: nodeId(name),
    last_seen: "2026-01-02T03:04:05.000Z",
    version: "1.0.0",
    capabilities: ["git", "gpu"],
    tools: { git: "2.39.5" },
    peers_seen: [nodeId("mac1")],
    channels: { mac1: ["nats", "http"] },
    git_head: "0123456789abcdef0123456789abcdef01234567",
    claude_session: "s1",
    sessions: ["s1"],
    chief: nodeId("mac1"),
    term: 3,
    chief_role: "may",
    absent: {},
    board: "nats",
    leaving: false,
    stamp: Date.UTC(2026, 0, 2, 3, 4, 5),
    ...more,
  };
}
