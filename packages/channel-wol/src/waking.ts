import type { ChannelHost, NodeId, SendResult } from "@multifleet/core";
import type { Card } from "./address.js";
import { broadcast } from "./broadcast.js";
import type { Cards } from "./cards.js";
import { aborted, failure } from "./failure.js";
import type { Mac } from "./mac.js";
import type { Network, Port } from "./network.js";
import { Once } from "./once.js";
import type { Settings } from "./options.js";
import { hasLibrary, magicPacket, remedy } from "./packet.js";
import { broadcastOf, contains } from "./subnet.js";

/** Members on the sleeper's network that are asked, one after the other. */
const mostHelpers = 4;
/** How long a member may take to say that it did it, in ms. */
const helperPatience = 2_000;

/** What was woken lately. It outlives a link, so that a channel which opens again does not wake again. */
export class Memory {
  /** By a packet of ours. */
  readonly packets = new Once();
  /** By any means. */
  readonly wakes = new Once();
}

/** How one machine is woken: by a packet of our own where we are on its network, else by a member that is. */
export class Waking {
  readonly #host: ChannelHost;
  readonly #settings: Settings;
  readonly #network: Network;
  readonly #cards: Cards;
  readonly #memory: Memory;

  constructor(host: ChannelHost, settings: Settings, network: Network, cards: Cards, memory: Memory) {
    this.#host = host;
    this.#settings = settings;
    this.#network = network;
    this.#cards = cards;
    this.#memory = memory;
  }

  /** The cards of a peer that are not this very machine's: a node beside us does not sleep while we do not. */
  cardsOf(peer: NodeId): readonly Card[] {
    const own = new Set(this.#network.ports.flatMap(({ macs }) => macs));
    return this.#cards.of(peer).filter(({ mac }) => !own.has(mac));
  }

  wake(target: NodeId, signal: AbortSignal): Promise<SendResult> {
    return this.#memory.wakes.do(target, signal, (stop) => this.#wake(target, stop));
  }

  /** With a packet of our own, and without asking anybody: what one does who was asked. */
  wakeNearby(target: NodeId, signal: AbortSignal): Promise<SendResult> {
    return this.#memory.packets.do(target, signal, (stop) => this.#send(target, stop));
  }

  /** Ends what is under way. */
  async stop(): Promise<void> {
    await Promise.all([this.#memory.wakes.stop(), this.#memory.packets.stop()]);
  }

  async #wake(target: NodeId, stop: AbortSignal): Promise<SendResult> {
    const own = await this.wakeNearby(target, stop);
    if (own.ok || stop.aborted) return own;
    const tried = [own.error.message];
    for (const helper of this.#helpers(target)) {
      if (stop.aborted) return aborted();
      const said = await this.#ask(helper, target, stop);
      if (said === "woken") return { ok: true, effect: "wakes" };
      this.#host.count("helper_failures");
      tried.push(`${helper}: ${said}`);
    }
    return stop.aborted
      ? aborted()
      : failure("UNREACHABLE", tried.join("; ").replace(/^wol: /, ""), own.error);
  }

  /** Sends a packet for each of the target's cards on each network where it may be. */
  async #send(target: NodeId, stop: AbortSignal): Promise<SendResult> {
    const cards = this.cardsOf(target);
    const ways = waysTo(cards, this.#network.ports);
    if (ways.length === 0) {
      const places = cards.map(({ at }) => (at === undefined ? "anywhere" : `${at.address}/${at.prefix}`));
      return failure("UNREACHABLE", `${target} was last on ${places.join(", ")}, and this machine is not`);
    }
    if (!hasLibrary()) {
      this.#host.count("missing_library");
      return failure("UNREACHABLE", remedy);
    }
    const errors: unknown[] = [];
    for (const { port, macs } of ways) {
      if (stop.aborted) return aborted();
      try {
        await broadcast(port, await Promise.all(macs.map(magicPacket)), this.#settings.ports);
        this.#host.count("magic_packets");
      } catch (error) {
        this.#host.count("send_errors");
        errors.push(error);
      }
    }
    if (errors.length < ways.length) return { ok: true, effect: "wakes" };
    return failure("UNREACHABLE", `nothing could be sent: ${errors.map(String).join("; ")}`, errors[0]);
  }

  /** The members that say they are on a network where the target was last. */
  #helpers(target: NodeId): readonly NodeId[] {
    const places = this.cardsOf(target).flatMap(({ at }) => at ?? []);
    return this.#settings
      .members()
      .filter((member) => member !== target && member !== this.#host.node)
      .filter((member) =>
        this.#cards
          .of(member)
          .some(({ at }) => at !== undefined && places.some(({ address }) => contains(at, address))),
      )
      .slice(0, mostHelpers);
  }

  async #ask(helper: NodeId, target: NodeId, stop: AbortSignal): Promise<string> {
    const limit = new AbortController();
    const end = () => limit.abort();
    const timer = setTimeout(end, helperPatience);
    stop.addEventListener("abort", end);
    try {
      this.#host.count("helpers_asked");
      if (await this.#settings.ask(helper, target, limit.signal)) return "woken";
      return limit.signal.aborted ? `no answer within ${helperPatience} ms` : "could not wake it";
    } catch (error) {
      return String(error);
    } finally {
      clearTimeout(timer);
      stop.removeEventListener("abort", end);
    }
  }
}

/** Each network of ours where one of the cards may be, once, with the cards to wake there. */
function waysTo(
  cards: readonly Card[],
  ports: readonly Port[],
): readonly { readonly port: Port; readonly macs: readonly Mac[] }[] {
  const ways = new Map<string, { readonly port: Port; readonly macs: Set<Mac> }>();
  for (const port of ports) {
    for (const { mac, at } of cards) {
      if (at !== undefined && !contains(port, at.address)) continue;
      // Of two cards of ours on one network, the system takes one.
      const to = broadcastOf(port);
      const way = ways.get(to) ?? { port, macs: new Set() };
      ways.set(to, way);
      way.macs.add(mac);
    }
  }
  return [...ways.values()].map(({ port, macs }) => ({ port, macs: [...macs] }));
}
