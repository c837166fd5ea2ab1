import {
  decodeContent,
  open,
  type Effect,
  type NodeId,
  type Opened,
  type Packet,
  type RejectReason,
  type Verdict,
} from "@multifleet/core";
import { MailboxError, type Arrival, type Mailbox, type Taken } from "@multifleet/mailbox";
import type { NodeCounters } from "../books.js";
import { explain } from "../failure.js";
import type { Fleet } from "../fleet/fleet.js";
import type { Log } from "../log.js";
import type { Sealing } from "./sealing.js";

/** The channel a frame came by. */
export interface Way {
  readonly name: string;
  readonly effect: Effect;
  /** The node that passed it on, where it did not come straight from its sender. */
  readonly through?: NodeId;
}

type Verified = Extract<Opened, { ok: true }>;

/** What the door asks of the rest of the node. */
export interface DoorHost {
  readonly counters: NodeCounters;
  readonly log: Log;
  readonly fleet: Fleet;
  readonly mailbox: Mailbox;
  readonly sealing: Sealing;
  now(): number;
  /** Opens what is not sealed with the fleet's own gate: a request to join. Undefined when it is not that either. */
  invited(bytes: Uint8Array): Promise<Verdict | undefined>;
  /** A genuine packet of a member came in. */
  heard(packet: Packet, way: Way): void;
  /** A message is in the inbox since now. */
  arrived(packet: Packet, way: Way): void;
  /** Carries out a notice; called at least once for each. @throws when it must come again. */
  notice(packet: Packet): Promise<void>;
  /** Wakes a member for the one who asks; false when that cannot be done. */
  wake(packet: Packet): Promise<boolean>;
  /** Takes a receipt; false when it fits nothing we wait for. */
  receipt(opened: Verified, sealed: Uint8Array): Promise<boolean>;
  /** Takes a hello and gives ours, if one is wanted. */
  hello(packet: Packet): Promise<Uint8Array | undefined>;
  /** Passes on, keeps or takes in what a member asks to relay; undefined where that is no request that can be answered. */
  relay(packet: Packet, way: Way): Promise<Uint8Array | undefined>;
  /** The plain body of an encrypted packet. */
  decrypt(packet: Packet): Promise<Uint8Array | undefined>;
  /** A receipt is owed since now: its medium cannot carry it back. */
  owing(opened: Verified): void;
}

/** The types of message this version knows. */
export const messageTypes = ["context", "task", "reply", "alert"] as const;
/** The types of notice this version knows. */
export const noticeTypes = ["surfaced", "membership", "wake"] as const;

/** Where every frame comes in, whatever brought it: nothing passes that is not genuine, and nothing is answered that is not durable. */
export class Door {
  readonly #host: DoorHost;

  constructor(host: DoorHost) {
    this.#host = host;
  }

  /** Takes one frame. Never rejects. */
  async receive(bytes: Uint8Array, way: Way): Promise<Verdict> {
    const { counters, fleet, log } = this.#host;
    counters.count("packets_received_total", way.name);
    const opened = open(bytes, fleet);
    try {
      if (!opened.ok) {
        const verdict = opened.code === "GATE" ? await this.#host.invited(bytes) : undefined;
        return verdict ?? this.#refuse(opened.code, way);
      }
      if (opened.packet.kind !== "hello") this.#host.heard(opened.packet, way);
      return await this.#take(opened, bytes, way);
    } catch (thrown) {
      const reason = thrown instanceof MailboxError ? `store_${thrown.code.toLowerCase()}` : "internal";
      if (reason === "internal") counters.count("internal_errors_total", "door");
      else counters.count("store_errors_total", reason.slice(6));
      counters.count("packets_deferred_total", reason);
      log.error("packet_deferred", { channel: way.name, reason: explain(thrown) });
      return { code: "later", reason };
    }
  }

  async #take(opened: Verified, bytes: Uint8Array, way: Way): Promise<Verdict> {
    const { packet, digest } = opened;
    switch (packet.kind) {
      case "message":
      case "notice":
        return this.#keep(opened, way);
      case "receipt":
        if (!(await this.#host.receipt(opened, bytes))) this.#host.counters.count("receipts_refused_total");
        return { code: "taken" };
      case "hello": {
        const answer = await this.#host.hello(packet);
        // Only now: what waits for this peer is tried at once, and needs the addresses that the hello brought.
        this.#host.heard(packet, way);
        return answer === undefined ? { code: "taken" } : { code: "taken", answer };
      }
      case "probe": {
        const word = { digest, outcome: "reached", reason: "" } as const;
        const receipt = this.#host.sealing.receipt(packet.from, packet.id, word, this.#host.now());
        if (way.effect !== "delivers") this.#host.owing(opened);
        return { code: "taken", answer: receipt.bytes };
      }
      case "relay": {
        const answer = await this.#host.relay(packet, way);
        return answer === undefined ? this.#refuse("RELAY", way) : { code: "taken", answer };
      }
      case "join":
      case "welcome":
        return this.#refuse("KIND", way);
    }
  }

  async #keep(opened: Verified, way: Way): Promise<Verdict> {
    const { packet, digest } = opened;
    const { counters, mailbox, sealing, now } = this.#host;
    const owe = way.effect !== "delivers";
    const taken = await mailbox.take(await this.#arrival(packet, digest, way, owe));
    const { outcome, reason } = told(taken);
    // Before the receipt: a notice that failed must come again.
    if (packet.kind === "notice" && outcome === "delivered") await this.#host.notice(packet);
    if (taken.code === "fresh") counters.count("packets_taken_total");
    else counters.count("packets_duplicate_total");
    if (outcome === "rejected") {
      counters.count("packets_rejected_total", reason);
      this.#host.log.warn("packet_rejected", { id: packet.id, from: packet.from, reason });
    } else if (taken.code === "fresh" && packet.kind === "message") {
      this.#host.arrived(packet, way);
    }
    if (owe) this.#host.owing(opened);
    const { bytes } = sealing.receipt(packet.from, packet.id, { digest, outcome, reason }, now());
    return { code: "taken", answer: bytes };
  }

  async #arrival(packet: Packet, digest: Uint8Array, way: Way, owe: boolean): Promise<Arrival> {
    const {
      id,
      from,
      stream,
      seq,
      base,
      prev,
      type,
      session,
      toSession,
      replyTo,
      key,
      created,
      expires,
      idempotent,
    } = packet;
    const kind = packet.kind === "notice" ? "notice" : "message";
    const receivedAt = this.#host.now();
    const read = await this.#content(packet, receivedAt);
    const content = typeof read === "string" ? { subject: "", body: "", reject: read } : read;
    return {
      ...{ id, kind, from, stream, seq, base, prev, digest, type, session, toSession, replyTo, key },
      ...{ created, expires, idempotent, channel: way.name, receivedAt, owe, ...content },
    };
  }

  async #content(packet: Packet, now: number): Promise<{ subject: string; body: string } | RejectReason> {
    const types: readonly string[] = packet.kind === "notice" ? noticeTypes : messageTypes;
    if (!types.includes(packet.type)) return "unknown_type";
    if (now >= packet.expires) return "expired";
    // Before it is taken: the receipt is to say whether it was done.
    if (packet.type === "wake" && !(await this.#host.wake(packet))) return "not_possible";
    if (packet.kind === "notice") return { subject: "", body: "" };
    const body = packet.encrypted ? await this.#host.decrypt(packet) : packet.body;
    if (body === undefined) return "not_decryptable";
    return decodeContent(body) ?? "bad_content";
  }

  #refuse(reason: string, way: Way): Verdict {
    this.#host.counters.count("packets_refused_total", reason.toLowerCase());
    this.#host.log.warn("packet_refused", { channel: way.name, reason });
    return { code: "refused", reason };
  }
}

/** What the sender is told of what the mailbox did. */
function told(taken: Taken): { readonly outcome: "delivered" | "rejected"; readonly reason: string } {
  if (taken.code === "conflict") return { outcome: "rejected", reason: "stream_conflict" };
  if (taken.code === "stale") return { outcome: "rejected", reason: "stale_number" };
  const { outcome, reason } = taken as Extract<Taken, { outcome: unknown }>;
  return { outcome: outcome === "rejected" ? "rejected" : "delivered", reason };
}
