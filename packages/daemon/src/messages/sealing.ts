import {
  encodeReceipt,
  newPacketId,
  seal,
  type NodeId,
  type Packet,
  type PacketId,
  type PacketKind,
  type Receipt,
  type Sealed,
} from "@multifleet/core";
import type { Slot } from "@multifleet/mailbox";
import type { Fleet } from "../fleet/fleet.js";

/** The parts of a packet that its kind's author decides; everything else has one right value. */
export interface Letter {
  readonly kind: PacketKind;
  readonly to: NodeId;
  readonly id?: PacketId;
  readonly type: string;
  readonly body: Uint8Array;
  readonly expires: number;
  readonly session?: string;
  readonly toSession?: string;
  readonly replyTo?: PacketId | "";
  readonly key?: string;
  readonly idempotent?: boolean;
  readonly encrypted?: boolean;
}

/** How long a packet that is not kept may travel, in milliseconds: hellos, probes and receipts that no one waits for any more. */
export const fleeting = 60_000;

/** Makes this node's packets. */
export class Sealing {
  readonly #fleet: Fleet;
  readonly #stream: Uint8Array;
  readonly #base: (peer: NodeId) => number;

  constructor(fleet: Fleet, stream: Uint8Array, base: (peer: NodeId) => number) {
    this.#fleet = fleet;
    this.#stream = stream;
    this.#base = base;
  }

  /** A packet that is numbered and kept. */
  kept(letter: Letter, slot: Slot, now: number): Sealed {
    return seal(this.packet(letter, slot, now), this.#fleet.keys);
  }

  /** A packet that is sent once. @param lifetime How long it may travel, in milliseconds. */
  fleeting(letter: Omit<Letter, "expires">, now: number, lifetime = fleeting): Sealed {
    const { to } = letter;
    const slot = { stream: this.#stream, seq: 0, base: this.#base(to), prev: 0 };
    return seal(this.packet({ ...letter, expires: now + lifetime }, slot, now), this.#fleet.keys);
  }

  /** This node's signed word on a packet that came from `to`. */
  receipt(to: NodeId, id: PacketId, receipt: Receipt, now: number): Sealed {
    return this.fleeting({ kind: "receipt", type: "receipt", to, id, body: encodeReceipt(receipt) }, now);
  }

  packet(letter: Letter, slot: Slot, now: number): Packet {
    const { kind, to, type, body, expires, idempotent = false, encrypted = false } = letter;
    const { id = newPacketId(now), session = "", toSession = "", replyTo = "", key = "" } = letter;
    const { fleet, node: from } = this.#fleet;
    const { stream, seq, base, prev } = slot;
    return {
      ...{ kind, fleet, from, to, id, type, session, toSession, replyTo, key },
      ...{ stream, seq, base, prev, created: now, expires, idempotent, encrypted, body },
    };
  }
}
