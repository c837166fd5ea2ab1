import { isNodeId, newPacketId, type NodeId, type Packet } from "@multifleet/core";
import * as z from "zod";
import { background, type NodeCounters } from "./books.js";
import { addressesSchema } from "./fleet/invitation.js";
import type { Fleet } from "./fleet/fleet.js";
import type { Log } from "./log.js";
import type { Carriage } from "./messages/carriage.js";
import { fleeting, type Sealing } from "./messages/sealing.js";
import type { Addresses, Peers } from "./peers.js";

export interface HellosHost {
  readonly counters: NodeCounters;
  readonly log: Log;
  readonly fleet: Fleet;
  readonly sealing: Sealing;
  readonly carriage: Carriage;
  readonly peers: Peers;
  readonly version: string;
  now(): number;
  /** Where this node is reached now, by channel. */
  addresses(): Addresses;
  /** The open channels that deliver and reach `peer`. */
  deliverers(peer: NodeId): readonly string[];
  /** Opens an answer; undefined when it is not genuine. */
  read(answer: Uint8Array): Packet | undefined;
  /** A peer's genuine answer came by a channel. */
  heard(packet: Packet, channel: string): void;
  /** Whom this node hears, where it passes packets on; undefined where it does not. */
  hears(): readonly NodeId[] | undefined;
  /** The same of a peer, as its hello says. */
  told(peer: NodeId, hears: readonly NodeId[] | undefined): void;
  /** No channel that leads straight to a peer has brought it our hello. */
  unreached(peer: NodeId): void;
  /** A peer has an older membership than we do. */
  behind(peer: NodeId): void;
  /** The roster's part of a hello to a peer; undefined before there is one. */
  word(peer: NodeId): object | undefined;
  /** The same of a peer's newest hello. */
  learn(peer: NodeId, word: unknown): void;
}

/** The type of a hello that only says "still here": no news of a start or of a recovery, and nothing is to be done about it. */
export const aliveType = "alive";

/** The most names that a hello lists of those its node hears. */
export const mostHeard = 64;

/** Open for keys that newer versions add. */
const helloSchema = z.object({
  version: z.string().max(64),
  membership: z.int().min(1),
  addresses: addressesSchema,
  /** Absent where the node passes nothing on. */
  relay: z
    .object({ hears: z.array(z.string().refine(isNodeId)).max(mostHeard) })
    .optional()
    .catch(undefined),
  /** For the roster, which reads it itself. */
  roster: z.unknown(),
});

/**
 * A node's signed word that it is here, and where: to each peer over each channel when it starts, joins or reconnects, and in answer to
 * another's. What is sent again and again goes to a few neighbours only, as the roster has it: see {@link keepAlive}.
 */
export class Hellos {
  readonly #host: HellosHost;

  constructor(host: HellosHost) {
    this.#host = host;
  }

  /** Says hello to `peers` over `channel`, or over every channel that delivers and leads straight to them. */
  say(peers: readonly NodeId[], channel?: string): void {
    for (const peer of peers) {
      const channels = this.#host
        .deliverers(peer)
        .filter((name) => channel === undefined || name === channel);
      if (channels.length > 0 || channel === undefined)
        background(this.#sayBy(peer, channels), "hello", this.#host);
    }
  }

  /** Says hello to one peer over one channel, whether or not that leads straight to it. */
  sayVia(peer: NodeId, channel: string): void {
    background(this.#say(peer, channel), "hello", this.#host);
  }

  /** Says to one peer, by the first way that works, that this node is still here, and has it say the same. */
  async keepAlive(peer: NodeId, via: readonly string[], within: number): Promise<void> {
    if (via.length > 0) await this.#say(peer, via, { type: aliveType, within });
  }

  async #sayBy(peer: NodeId, channels: readonly string[]): Promise<void> {
    const said = await Promise.all(channels.map((via) => this.#say(peer, via)));
    if (!said.includes(true)) this.#host.unreached(peer);
  }

  /** Takes a peer's hello; gives ours unless theirs was an answer already. */
  async take(packet: Packet): Promise<Uint8Array | undefined> {
    const { counters, fleet, peers } = this.#host;
    const said = readHello(packet.body);
    if (said === undefined) {
      counters.count("packets_refused_total", "bad_hello");
      return undefined;
    }
    counters.count("hellos_received_total");
    peers.compareClocks(packet.from, packet.created, this.#host.now());
    const { version, addresses, membership, relay } = said;
    if (await peers.learn(packet.from, { addresses, version, at: packet.created })) {
      this.#host.told(packet.from, relay?.hears);
      this.#host.learn(packet.from, said.roster);
    }
    if (membership < fleet.version && packet.type !== aliveType) this.#host.behind(packet.from);
    return packet.replyTo === "" ? this.#seal(packet) : undefined;
  }

  /** Says hello to one peer over one channel, or the first of several. @returns Whether it was carried. */
  async #say(
    peer: NodeId,
    via: string | readonly string[],
    { type = "hello", within = fleeting } = {},
  ): Promise<boolean> {
    const { counters, carriage } = this.#host;
    const { bytes, id } = this.#make(peer, type);
    const { effect, channel, answer } = await carriage.carryOnce(peer, id, bytes, { via, within });
    if (effect === undefined || channel === undefined) return false;
    counters.count("hellos_sent_total");
    const packet = answer === undefined ? undefined : this.#host.read(answer);
    if (packet?.kind !== "hello" || packet.from !== peer || packet.replyTo !== id) return true;
    await this.take(packet);
    this.#host.heard(packet, channel);
    return true;
  }

  #seal(asked: Packet): Uint8Array {
    return this.#make(asked.from, asked.type, asked).bytes;
  }

  #make(to: NodeId, type: string, asked?: Packet): { readonly bytes: Uint8Array; readonly id: Packet["id"] } {
    const { fleet, sealing, version, now } = this.#host;
    const hears = this.#host.hears();
    const hello = {
      ...{ version, membership: fleet.version, addresses: this.#host.addresses() },
      ...(hears === undefined ? {} : { relay: { hears } }),
      roster: this.#host.word(to),
    };
    const body = new TextEncoder().encode(JSON.stringify(hello));
    const id = newPacketId(now());
    const { bytes } = sealing.fleeting(
      { kind: "hello", type, to, id, body, replyTo: asked?.id ?? "" },
      now(),
    );
    return { bytes, id };
  }
}

function readHello(body: Uint8Array): z.infer<typeof helloSchema> | undefined {
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(body).toString("utf8"));
  } catch {
    return undefined;
  }
  const parsed = helloSchema.safeParse(value);
  return parsed.success ? parsed.data : undefined;
}
