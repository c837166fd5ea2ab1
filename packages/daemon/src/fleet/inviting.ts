import type { PacketListener } from "../channels/packet-listener.js";
import { parseDuration } from "../messages/time.js";
import type { FleetNode } from "../node.js";
import type { Addresses } from "../peers.js";
import { Problem } from "../problem.js";
import type { Admissions } from "./admission.js";

export interface InvitingHost {
  readonly admissions: Pick<Admissions, "invite">;
  readonly listener: Pick<PacketListener, "isOpenToMachines" | "openToMachines">;
  /** Where this node is reached now, by channel. */
  addresses(): Addresses;
}

/** Makes an invitation that works where it is to be used, or says where it does not. */
export class Inviting {
  readonly #host: InvitingHost;

  constructor(host: InvitingHost) {
    this.#host = host;
  }

  /** @throws Problem */
  async invite({ uses, expires, lan }: Parameters<FleetNode["invite"]>[0]): ReturnType<FleetNode["invite"]> {
    const { admissions, listener } = this.#host;
    const lifetime = parseDuration(expires);
    if (lifetime === undefined || lifetime < 1_000 || lifetime > 30 * 86_400_000) {
      throw new Problem(
        "bad_request",
        `expires is ${JSON.stringify(expires)}: use a duration from 1s to 30d, such as 1h`,
      );
    }
    if (lan) await listener.openToMachines();
    const { code, expires: end } = await admissions.invite({ uses, lifetime });
    const local = !listener.isOpenToMachines;
    const note =
      "this code works on this machine only, since the packet listener is on loopback; to invite another machine: multifleet invite --lan";
    const addresses = Object.values(this.#host.addresses()).flat();
    return { code, expires: new Date(end).toISOString(), uses, addresses, ...(local ? { note } : {}) };
  }
}
