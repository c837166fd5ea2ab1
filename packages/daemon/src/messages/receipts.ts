import type { NodeId, PacketId } from "@multifleet/core";
import type { Mailbox, Owed } from "@multifleet/mailbox";
import { background, type NodeCounters } from "../books.js";
import type { Log } from "../log.js";
import type { Carriage } from "./carriage.js";
import { fleeting, type Sealing } from "./sealing.js";

export interface ReceiptsHost {
  readonly counters: NodeCounters;
  readonly log: Log;
  readonly mailbox: Mailbox;
  readonly sealing: Sealing;
  readonly carriage: Carriage;
  now(): number;
}

/** Most receipts under way to one peer at a time. */
const window = 64;

/**
 * Receipts for what came by a medium that carries nothing back. Each stays owed until a carrier took it, and is sent when the debt is made
 * and whenever the peer is heard again.
 */
export class Receipts {
  readonly #host: ReceiptsHost;
  /** Peers being paid, and whether something new came up meanwhile. */
  readonly #paying = new Map<NodeId, { again: boolean }>();

  constructor(host: ReceiptsHost) {
    this.#host = host;
  }

  /** Sends `peer` what it is owed; called when a debt was made and when the peer was heard. */
  pay(peer: NodeId): void {
    const running = this.#paying.get(peer);
    if (running !== undefined) {
      running.again = true;
      return;
    }
    background(this.#pay(peer), "receipts", this.#host);
  }

  /** Tells that a probe arrived, by whatever channel takes the answer. */
  answerProbe(to: NodeId, id: PacketId, digest: Uint8Array): void {
    background(this.#send({ to, id, digest, outcome: "reached", reason: "" }), "receipts", this.#host);
  }

  async #pay(peer: NodeId): Promise<void> {
    const state = { again: true };
    this.#paying.set(peer, state);
    try {
      while (state.again) {
        state.again = false;
        const owed = this.#host.mailbox.owed(peer).slice(0, window);
        const sent = await Promise.all(owed.map((receipt) => this.#send(receipt)));
        // All of a full window went out: there may be more. If one did not, the peer is away, and its next hello starts us again.
        if (owed.length === window && sent.every(Boolean)) state.again = true;
      }
    } finally {
      this.#paying.delete(peer);
    }
  }

  async #send({ to, id, digest, outcome, reason }: Owed): Promise<boolean> {
    const { counters, sealing, carriage, mailbox, now } = this.#host;
    const { bytes } = sealing.receipt(to, id, { digest, outcome, reason }, now());
    const { effect } = await carriage.carryOnce(to, id, bytes, { within: fleeting });
    if (effect === undefined) {
      counters.count("receipt_send_errors_total");
      return false;
    }
    counters.count("receipts_sent_total");
    mailbox.paid(to, digest);
    return true;
  }
}
