import { isNodeId, type NodeId } from "@multifleet/core";
import { isLoopback, type PacketListener } from "../channels/packet-listener.js";
import type { Reach } from "../channels/reach.js";
import type { Supervisor } from "../channels/supervisor.js";
import type { EventLog } from "../events.js";
import type { Hellos } from "../hello.js";
import type { FleetNode } from "../node.js";
import type { Addresses, Peers } from "../peers.js";
import { Problem } from "../problem.js";
import { askToJoin, type AskingHost, type WayIn } from "./asking-to-join.js";

export interface JoiningHost extends Omit<AskingHost, "prepare"> {
  readonly events: EventLog;
  readonly peers: Pick<Peers, "hint">;
  readonly hellos: Pick<Hellos, "say">;
  readonly listener: Pick<PacketListener, "openToMachines">;
  readonly reach: Pick<Reach, "deliverers">;
  readonly supervisor: Pick<Supervisor, "link">;
  /** The node has another name, fleet and peers since now: makes anew whatever depends on them. */
  renew(): Promise<void>;
}

/** Becomes a member of the fleet that an invitation is for. */
export class Joining {
  readonly #host: JoiningHost;

  constructor(host: JoiningHost) {
    this.#host = host;
  }

  /** @throws Problem */
  async join({ code, node }: Parameters<FleetNode["join"]>[0]): ReturnType<FleetNode["join"]> {
    const { events, fleet, hellos, peers } = this.#host;
    const name = node ?? fleet.node;
    if (!isNodeId(name) || name === "all")
      throw new Problem(
        "bad_request",
        `${JSON.stringify(name)} is not a node name: use 1 to 63 of a-z, 0-9 and inner hyphens`,
      );
    if (fleet.peers.length > 0)
      throw new Problem(
        "already_member",
        `this node is ${fleet.node} in a fleet with ${fleet.peers.join(", ")}; use another home to join a second fleet`,
      );
    const { invitation, welcome } = await askToJoin(code, name, {
      ...this.#host,
      prepare: (inviter, addresses) => this.#prepare(inviter, addresses),
    });
    const { secret, authority, membership, hints } = welcome;
    fleet.adopt({ node: name, fleet: invitation.fleet, secret, authority, membership });
    for (const [peer, at] of Object.entries(hints))
      if (isNodeId(peer) && peer !== name) await peers.hint(peer, at);
    await this.#host.renew();
    hellos.say(fleet.peers);
    events.emit("peer", { node: name, state: "joined", fleet: fleet.fleet });
    return { node: name, fleet: fleet.fleet, peers: fleet.peers };
  }

  /** The ways to an inviting node, best first. One on another machine must be able to reach us too. */
  async #prepare(inviter: NodeId, addresses: Addresses): Promise<readonly WayIn[]> {
    const { listener, peers, reach, supervisor } = this.#host;
    await peers.hint(inviter, addresses);
    const near = supervisor.link("ipc")?.reaches(inviter) === true;
    if (!near && addresses.http?.some((address) => !isLoopback(address)) === true)
      await listener.openToMachines();
    return reach.deliverers(inviter).flatMap((name) => {
      const link = supervisor.link(name);
      return link === undefined ? [] : [{ name, link }];
    });
  }
}
