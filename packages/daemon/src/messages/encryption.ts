import type { NodeId, Packet, PacketId } from "@multifleet/core";
import type { Config } from "../config.js";
import type { Fleet } from "../fleet/fleet.js";
import type { Identity } from "../fleet/identity.js";

export interface EncryptionHost {
  readonly config: Pick<Config, "encryption">;
  readonly fleet: Pick<Fleet, "fleet" | "node" | "member">;
  readonly identity: Pick<Identity, "age">;
}

/** Bodies that only their receiver and this node itself can read. The library is loaded with the first of them. */
export class Encryption {
  readonly #host: EncryptionHost;

  constructor(host: EncryptionHost) {
    this.#host = host;
  }

  /** Encrypts a body to `to` and to this node itself, where the config asks for it; undefined where it does not. */
  async encrypt(body: Uint8Array, to: NodeId, id: PacketId): Promise<Uint8Array | undefined> {
    const { config, fleet, identity } = this.#host;
    const member = fleet.member(to);
    if (config.encryption !== "on" || member === undefined) return undefined;
    const { encryptBody } = await import("@multifleet/core/age");
    const envelope = { fleet: fleet.fleet, from: fleet.node, to, id };
    return encryptBody(body, envelope, ...new Set([member.recipient, identity.age.recipient]));
  }

  /** The plain body of a packet that was encrypted to this node. */
  async decrypt(packet: Packet): Promise<Uint8Array | undefined> {
    const { decryptBody } = await import("@multifleet/core/age");
    return decryptBody(packet.body, packet, this.#host.identity.age.identity);
  }
}
