import { open, type NodeId, type Opened, type Packet, type RelayAnswer } from "@multifleet/core";
import type { Fleet } from "../fleet/fleet.js";
import type { Carriage } from "../messages/carriage.js";
import { failure, withoutAnswer, type Forwarding } from "./forwarding.js";
import type { HeardRoutes } from "./routes.js";

export interface StraightHost {
  readonly fleet: Fleet;
  readonly carriage: Carriage;
  readonly routes: HeardRoutes;
  readonly forwarding: Forwarding;
  /** The open channels that deliver and lead straight to a peer. */
  direct(): readonly string[];
}

/** How long a target may take to answer, in milliseconds: with a second relay's time, it is within an attempt of whoever asks. */
const targetTime = 2_000;

/** The last step of a packet that is passed on: from here straight to its target. */
export class Straight {
  readonly #host: StraightHost;

  constructor(host: StraightHost) {
    this.#host = host;
  }

  /** Opens a packet in its target's place: what that would refuse is not passed on. */
  open(target: NodeId, packet: Uint8Array): Extract<Opened, { ok: true }> | undefined {
    const { fleet } = this.#host;
    const opened = open(packet, {
      ...{ fleet: fleet.fleet, node: target },
      gate: (id) => fleet.gate(id),
      key: (each) => fleet.key(each),
    });
    return opened.ok && opened.packet.kind !== "relay" ? opened : undefined;
  }

  /** Once, over channels that lead straight to the target, which is told that it was passed on, where it knows of such. */
  async handOver(target: NodeId, inner: Packet, bytes: Uint8Array): Promise<RelayAnswer> {
    const { carriage, forwarding, routes, direct } = this.#host;
    const frame = { id: inner.id, to: target, bytes };
    if (routes.passes(target)) return forwarding.ask(target, frame, "carry", { hops: 0, within: targetTime });
    const carried = await carriage.carryOnce(target, inner.id, bytes, { via: direct(), within: targetTime });
    if (carried.effect === undefined) {
      const answer = withoutAnswer(carried);
      return answer.outcome === "busy" ? failure("later", "come_again") : answer;
    }
    const answer = carried.answer ?? new Uint8Array();
    return forwarding.believe(frame, { outcome: "delivered", reason: "", beyond: "", answer });
  }
}
