import { isNodeId, type NodeId } from "@multifleet/core";

/** Where every ref of this channel stands. */
const root = "refs/multifleet/";

/** The one ref for what a node sends to another. */
export function refOf(to: NodeId, from: NodeId): string {
  return `${root}${to}/${from}`;
}

/** Where the refs to a node stand. */
export function refsTo(node: NodeId): string {
  return `${root}${node}/`;
}

/** Who sends by a ref to `node`; undefined where it is no such ref. */
export function senderOf(ref: string, node: NodeId): NodeId | undefined {
  const prefix = refsTo(node);
  const from = ref.slice(prefix.length);
  return ref.startsWith(prefix) && isNodeId(from) && from !== node ? from : undefined;
}
