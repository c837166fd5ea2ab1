import type { NodeId } from "@multifleet/core";
import { frameCover, newAgeIdentity, type FrameCover } from "@multifleet/core/age";

type Keys = Readonly<Record<string, { readonly identity: string; readonly recipient: string }>>;

/** Age keys of a few nodes. */
export async function keys(...nodes: readonly string[]): Promise<Keys> {
  return Object.fromEntries(
    await Promise.all(nodes.map(async (node) => [node, await newAgeIdentity()] as const)),
  );
}

/** The cover that a daemon named `node` supplies, among these. */
export function coverOf(members: Keys, node: string): FrameCover {
  return frameCover(members[node]?.identity ?? "", (to: NodeId) => members[to]?.recipient);
}
