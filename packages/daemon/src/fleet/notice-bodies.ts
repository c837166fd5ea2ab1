import type { NodeId, Packet, PacketId } from "@multifleet/core";
import { isNodeId, isPacketId } from "@multifleet/core";
import * as z from "zod";
import type { Addresses, Peers } from "../peers.js";
import { addressesSchema } from "./invitation.js";
import type { Fleet } from "./fleet.js";
import { signedMembershipSchema } from "./membership.js";

const membershipNotice = z.object({
  membership: signedMembershipSchema,
  hints: z.record(z.string().refine(isNodeId), addressesSchema),
});
const surfacedNotice = z.object({ id: z.string().refine(isPacketId) });

/** The body of the notice that brings a newer membership, with where its nodes were last known to be. */
export function membershipBody(fleet: Fleet, peers: Peers, own: Addresses): Uint8Array {
  const hints: Record<string, Addresses> = { [fleet.node]: own };
  for (const peer of fleet.peers) hints[peer] = peers.told(peer);
  return encode({ membership: fleet.signedMembership, hints });
}

/** Takes over a membership that a member passed on; it is the authority's signature that counts. Returns the nodes that are new. */
export async function takeMembership(
  packet: Packet,
  fleet: Fleet,
  peers: Peers,
): Promise<readonly NodeId[] | undefined> {
  const parsed = membershipNotice.safeParse(decode(packet.body));
  if (!parsed.success) return undefined;
  const before = new Set(fleet.peers);
  if (fleet.replace(parsed.data.membership) === "invalid") return undefined;
  for (const peer of fleet.peers) {
    const hint = parsed.data.hints[peer];
    if (hint !== undefined) await peers.hint(peer, hint);
  }
  return fleet.peers.filter((peer) => !before.has(peer));
}

/** The body of the notice that a message was given to an agent session. */
export function surfacedBody(id: PacketId): Uint8Array {
  return encode({ id });
}

export function readSurfaced(packet: Packet): PacketId | undefined {
  const parsed = surfacedNotice.safeParse(decode(packet.body));
  return parsed.success ? parsed.data.id : undefined;
}

function encode(value: unknown): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(value));
}

function decode(body: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(body).toString("utf8"));
  } catch {
    return undefined;
  }
}
