import { createHash, randomBytes } from "node:crypto";
import type { FleetId, NodeId } from "@multifleet/core";

/** 64 bits each: enough that no two nodes are mistaken for each other, which would only cost a download. */
const partBytes = 8;

/**
 * Says which node a message is for, to those alone who know the names of the fleet and of the node: a random salt, and a hash of it with both.
 *
 * A receiver tells what is not for it at the cost of one hash, before anything is downloaded. Without the names two messages to one node cannot even be
 * told to be for the same one. Whoever knows or guesses both names can check a guess: it is no secret, and nothing is decided by it. A keyed hash would need a
 * key that a channel does not have, and all nodes of the fleet would share it anyway.
 */
export function tagFor(fleet: FleetId, node: NodeId): string {
  const salt = randomBytes(partBytes).toString("hex");
  return salt + digest(salt, fleet, node);
}

/** Whether a message with this tag is for `node`. */
export function isTagFor(tag: string, fleet: FleetId, node: NodeId): boolean {
  const salt = tag.slice(0, 2 * partBytes);
  return tag === salt + digest(salt, fleet, node);
}

function digest(salt: string, fleet: FleetId, node: NodeId): string {
  // Names hold no line ends, so that these lines can be read in one way only.
  const text = `multifleet/v1/discord\n${salt}\n${fleet}\n${node}\n`;
  return createHash("sha256")
    .update(text)
    .digest("hex")
    .slice(0, 2 * partBytes);
}
