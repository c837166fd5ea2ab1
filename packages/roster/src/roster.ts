import type { NodeId } from "@multifleet/core";
import { chooseChief, type Candidate, type Chief } from "./chief.js";
import type { Command, Input, Known, Roster, RosterOptions } from "./contract.js";
import { contentOf, type Entry, type Word } from "./entry.js";
import { OwnEntry } from "./own-entry.js";
import { Peer } from "./peer.js";
import { inOrder, rankOf } from "./rank.js";
import { horizon, refreshGap, settingsFor, tellingGap, type Settings } from "./settings.js";

/** Makes the roster of one node. */
export function createRoster(options: RosterOptions): Roster {
  return new NodeRoster(options);
}

/** What comes in within so many milliseconds is looked at together. */
const moment = 50;

class NodeRoster implements Roster {
  readonly #options: RosterOptions;
  readonly #settings: Settings;
  readonly #self: { readonly node: NodeId; readonly rank: number };
  readonly #own: OwnEntry;
  readonly #peers = new Map<NodeId, Peer>();
  /** All others, beginning with the one after this node in the order of ranks, around to the one before it. */
  #ring: readonly Peer[] = [];
  #charges: readonly Peer[] = [];
  /** Those whom somebody finds gone. */
  readonly #doubted = new Set<Peer>();
  #chief: Chief | undefined;
  /** The term for which this node says that it is chief. */
  #claims: number | undefined;
  #horizon = 0;
  #highest: number;
  #board: string | undefined;
  /** Where the round of keep-alives to all has come to. */
  #round = 0;
  #tickAt: number;
  #publishAt: number | undefined;
  #publishedAt = Number.NEGATIVE_INFINITY;
  /** What part of a refresh's time passes until the next: nodes that start together do not write together for ever. */
  #refreshPart = 1;
  /** Of what was published last, when it was new. */
  #published = 0;
  /** Write a row even if nothing has changed. */
  #forced = false;
  #restoredAt = Number.NEGATIVE_INFINITY;
  #leaving = false;
  #armed: number | undefined;
  #evaluateAt: number | undefined;
  #evaluatedAt = Number.NEGATIVE_INFINITY;
  #renewedAt = Number.NEGATIVE_INFINITY;
  readonly #startedAt: number;
  #commands: Command[] = [];

  constructor(options: RosterOptions) {
    this.#options = options;
    this.#settings = settingsFor(options.lease);
    this.#self = { node: options.node, rank: rankOf(options.node) };
    this.#own = new OwnEntry(options);
    this.#highest = options.term;
    this.#startedAt = options.now;
    this.#tickAt = options.now + this.#settings.keepAlive * options.random();
  }

  get chief(): Chief | undefined {
    return this.#chief;
  }

  get own(): Entry {
    return this.#own.entry;
  }

  handle(input: Input, now: number): Command[] {
    this.#commands = [];
    this.#take(input, now);
    this.#arm();
    return this.#commands;
  }

  word(to: NodeId, now: number): Word {
    // A start of many nodes asks for many words: what they say is not worked out anew for each.
    if (now - this.#renewedAt >= moment) this.#renew(now);
    const peer = this.#peers.get(to);
    const has = peer?.entry?.stamp ?? 0;
    return (peer?.has ?? 0) < this.#own.changed ? { has, entry: this.#own.entry } : { has };
  }

  compare(entry: Entry): "NEWER" | "SAME" | "OLDER" {
    const peer = this.#peers.get(entry.node_id);
    const known = entry.node_id === this.#self.node ? this.#own.entry.stamp : (peer?.stamp ?? 0);
    if (entry.stamp === known && (peer === undefined || peer.entry !== undefined)) return "SAME";
    return entry.stamp >= known ? "NEWER" : "OLDER";
  }

  alive(node: NodeId, now: number): boolean {
    const peer = this.#peers.get(node);
    return peer === undefined ? node === this.#self.node : this.#isAlive(peer, now);
  }

  known(now: number): Known[] {
    return inOrder(this.#ring).map((peer) => ({
      node: peer.node,
      alive: this.#isAlive(peer, now),
      lastSign: Number.isFinite(peer.lastSign) ? peer.lastSign : undefined,
      entry: peer.entry,
    }));
  }

  having(capability: string, now: number): NodeId[] {
    const having = this.#ring.filter(
      (peer) => peer.entry?.capabilities.includes(capability) === true && this.#isAlive(peer, now),
    );
    const own = this.#own.entry.capabilities.includes(capability) ? [this.#self.node] : [];
    return [...own, ...having.map(({ node }) => node)];
  }

  likely(to: NodeId, now: number): NodeId[] {
    const told = this.#peers.get(to)?.entry?.channels ?? {};
    const nodes = this.#ring
      .filter((peer) => peer.node !== to && this.#isAlive(peer, now))
      .filter(({ node, entry }) => (entry?.channels[to]?.length ?? told[node]?.length ?? 0) > 0)
      .map(({ node }) => node);
    const chief = this.#chief?.node;
    return nodes.toSorted((a, b) => Number(b === chief) - Number(a === chief));
  }

  #take(input: Input, now: number): void {
    switch (input.kind) {
      case "members":
        this.#become(input.nodes, now);
        return this.#evaluate(now);
      case "heard":
        return this.#heard(input.node, now);
      case "word":
        return this.#hear(input.node, input.word, now);
      case "row":
        return this.#read(input.entry, now);
      case "board":
        if (input.name === this.#board) return;
        this.#board = input.name;
        return this.#publishSoon(now, true);
      case "touched":
        return this.#publishSoon(now, false);
      case "row-lost":
        this.#forced = true;
        // Once in a refresh: whoever writes over it again and again does not make us write as often.
        if (now - this.#restoredAt < refreshGap(this.#settings, this.#ring.length + 1)) return;
        this.#restoredAt = now;
        return this.#publishSoon(now, false);
      case "leaving":
        this.#leaving = true;
        return this.#publish(now);
      case "timer":
        return this.#timer(now);
    }
  }

  #become(nodes: readonly NodeId[], now: number): void {
    for (const [node, peer] of this.#peers) {
      if (nodes.includes(node)) continue;
      this.#peers.delete(node);
      this.#doubted.delete(peer);
    }
    for (const node of nodes) {
      if (node === this.#self.node || this.#peers.has(node)) continue;
      this.#peers.set(node, new Peer(node, this.#options.floor?.(node) ?? 0));
    }
    const all = inOrder([...this.#peers.values(), this.#self]);
    const at = all.indexOf(this.#self);
    this.#ring = [...all.slice(at + 1), ...all.slice(0, at)].filter((each) => each instanceof Peer);
    this.#horizon = horizon(this.#settings, this.#ring.length + 1);
    this.#publishSoon(now, true);
  }

  #heard(node: NodeId, now: number): void {
    const peer = this.#peers.get(node);
    if (peer === undefined) return;
    if (peer.leftAt !== undefined && now - peer.leftAt < this.#settings.lease) return;
    peer.leftAt = undefined;
    peer.heardAt = now;
    peer.met = true;
    if (peer.lost) {
      peer.lost = false;
      this.#publishSoon(now, false);
    }
    if (!peer.shown) this.#evaluateSoon(now);
  }

  #hear(node: NodeId, { has, entry }: Word, now: number): void {
    const peer = this.#peers.get(node);
    if (peer === undefined) return;
    peer.has = has;
    // Our clock was set back since: our word must not look older than what is known of us.
    this.#own.exceed(has);
    if (entry?.node_id === node && this.compare(entry) === "NEWER") this.#learn(peer, entry, now);
    this.#heard(node, now);
  }

  #read(entry: Entry, now: number): void {
    if (entry.node_id === this.#self.node) return this.#own.exceed(entry.stamp);
    const peer = this.#peers.get(entry.node_id);
    if (peer === undefined || this.compare(entry) !== "NEWER") return;
    // The first row may have lain there for long; what follows it is news, whatever the clock over there says.
    const age = peer.entry === undefined ? Math.max(this.#options.wall() - entry.stamp, 0) : 0;
    peer.newsAt = now - age;
    peer.lost = false;
    this.#learn(peer, entry, now);
  }

  #learn(peer: Peer, entry: Entry, now: number): void {
    const { stamp, absent, chief, term } = entry;
    const before = peer.entry;
    peer.entry = entry;
    peer.stamp = stamp;
    peer.leftAt = entry.leaving ? now : undefined;
    if (before === undefined || contentOf(entry) !== contentOf(before))
      this.#commands.push({ kind: "changed", node: peer.node });
    this.#highest = Math.max(this.#highest, term);
    for (const node of Object.keys({ ...before?.absent, ...absent })) {
      const other = this.#peers.get(node as NodeId);
      if (other !== undefined) this.#doubt(other, peer.node, absent[node], now);
    }
    // We are not gone: a later word of ours makes the claim void everywhere.
    if ((absent[this.#self.node] ?? -1) >= this.#own.entry.stamp) {
      this.#own.repeat();
      this.#publishSoon(now, true);
    }
    this.#evaluateSoon(now);
    if (chief !== null) this.#followHint({ node: chief, term }, now);
  }

  /** `accuser` finds `peer` gone since `stamp`, or does not, or not any more. */
  #doubt(peer: Peer, accuser: NodeId, stamp: number | undefined, now: number): void {
    const fresh = stamp !== undefined && !peer.accusers.has(accuser);
    if (stamp === undefined) peer.accusers.delete(accuser);
    else peer.accusers.set(accuser, stamp);
    if (peer.accusers.size === 0) this.#doubted.delete(peer);
    else this.#doubted.add(peer);
    // It is our word against another's: ask the node itself.
    if (fresh && peer.accused && this.#isAlive(peer, now)) this.#ask(peer, now);
  }

  /** Another node knows a chief that we do not know, or not any more: ask that one itself. */
  #followHint({ node, term }: Chief, now: number): void {
    const peer = this.#peers.get(node);
    const sitting = this.#chief;
    if (peer === undefined || node === sitting?.node) return;
    if (sitting === undefined || term >= sitting.term) this.#ask(peer, now);
  }

  #ask(peer: Peer, now: number): void {
    if (now - peer.askedAt < this.#settings.keepAlive / 4) return;
    peer.askedAt = now;
    this.#commands.push({ kind: "keep-alive", to: peer.node });
  }

  #timer(now: number): void {
    const late = now - (this.#armed ?? now);
    this.#armed = undefined;
    // It was us who were away: whoever is there gets its time to say so.
    if (late > this.#settings.keepAlive) for (const peer of this.#charges) peer.chargedAt = now;
    if (now >= this.#tickAt) this.#tick(now);
    this.#expire(now);
    this.#evaluate(now);
    const due = this.#publishAt !== undefined && now >= this.#publishAt;
    if (due || now >= this.#refreshAt()) this.#publish(now);
  }

  /**
   * Keeps alive with the neighbours, and asks one other node in turn, gone or not: in time all have the words of all, and a network that is
   * whole again is found out by whichever node of the smaller part asks first.
   */
  #tick(now: number): void {
    const { keepAlive, neighbours } = this.#settings;
    this.#tickAt = now + keepAlive * (0.9 + 0.2 * this.#options.random());
    const charges: Peer[] = [];
    for (const peer of this.#ring) {
      if (charges.length >= neighbours) break;
      if (peer.met && this.#isAlive(peer, now)) charges.push(peer);
    }
    for (const peer of charges) if (!this.#charges.includes(peer)) peer.chargedAt = now;
    this.#charges = charges;
    for (const peer of charges) if (now - peer.heardAt >= 0.6 * keepAlive) this.#ask(peer, now);
    this.#round = (this.#round + 1) % Math.max(this.#ring.length, 1);
    const next = this.#ring[this.#round];
    // One that has just spoken, and knows our word, need not be asked.
    const fresh = next !== undefined && now - next.heardAt < 0.6 * keepAlive && next.has >= this.#own.changed;
    if (next !== undefined && !fresh) this.#ask(next, now);
  }

  /** Neighbours that gave no sign for a lease are gone, and all are told so. */
  #expire(now: number): void {
    for (const peer of this.#charges) {
      if (!peer.met || peer.lost || now < this.#deadline(peer)) continue;
      peer.lost = true;
      peer.met = false;
      // Who comes second need not hurry.
      this.#publishSoon(now, !peer.accused);
    }
  }

  #deadline(peer: Peer): number {
    return Math.max(peer.lastSign, peer.chargedAt) + this.#settings.lease;
  }

  #evaluateSoon(now: number): void {
    if (now - this.#evaluatedAt >= moment) this.#evaluate(now);
    else this.#evaluateAt ??= this.#evaluatedAt + moment;
  }

  /** What follows for who is alive and who is chief. */
  #evaluate(now: number): void {
    this.#evaluateAt = undefined;
    this.#evaluatedAt = now;
    const live: Candidate[] = [{ ...this.#self, role: this.#options.role, claims: this.#claims }];
    let knowsAll = true;
    for (const peer of this.#ring) {
      const alive = this.#isAlive(peer, now);
      if (alive !== peer.shown) {
        peer.shown = alive;
        this.#commands.push({ kind: "presence", node: peer.node, alive });
      }
      // A row may have been written long ago; what the node itself says, it says now.
      if (!alive || !peer.met || peer.entry === undefined) knowsAll = false;
      if (!alive || peer.entry === undefined) continue;
      const { chief, term, chief_role: role } = peer.entry;
      live.push({ node: peer.node, rank: peer.rank, role, claims: chief === peer.node ? term : undefined });
    }
    const ready = knowsAll || now - this.#startedAt >= this.#settings.lease;
    const before = this.#chief;
    const { chief, claims } = chooseChief(this.#self.node, live, { highest: this.#highest, ready });
    const claimed = claims !== this.#claims;
    this.#claims = claims;
    this.#chief = chief;
    this.#highest = Math.max(this.#highest, chief?.term ?? 0);
    if (before?.node === chief?.node && before?.term === chief?.term) return;
    this.#commands.push({ kind: "chief", chief });
    this.#renewedAt = Number.NEGATIVE_INFINITY;
    if (claimed) this.#publishSoon(now, true);
    // A chief that is none any more may not know it yet.
    const old = before === undefined ? undefined : this.#peers.get(before.node);
    if (old !== undefined && chief !== undefined && this.#isAlive(old, now)) this.#ask(old, now);
  }

  #isAlive(peer: Peer, now: number): boolean {
    return peer.alive(now, this.#settings.lease, this.#horizon);
  }

  #publishSoon(now: number, urgent: boolean): void {
    const { batch } = this.#settings;
    const gap = urgent ? 4 * batch : tellingGap(this.#settings, this.#ring.length + 1);
    const at = Math.max(now + batch, this.#publishedAt + gap);
    this.#publishAt = Math.min(this.#publishAt ?? at, at);
  }

  #refreshAt(): number {
    if (this.#board === undefined) return Number.POSITIVE_INFINITY;
    return this.#publishedAt + this.#refreshPart * refreshGap(this.#settings, this.#ring.length + 1);
  }

  #publish(now: number): void {
    const board = this.#board !== undefined;
    const refresh = board && Number.isFinite(this.#publishedAt) && now >= this.#refreshAt();
    this.#publishAt = undefined;
    this.#renew(now);
    const changed = this.#own.changed > this.#published;
    const to = this.#ring
      .filter((peer) => peer.has < this.#own.changed && this.#isAlive(peer, now))
      .filter((peer) => !board || peer.entry?.board !== this.#board)
      .map(({ node }) => node);
    if (!changed && !refresh && !this.#forced && to.length === 0) return;
    if (!changed && board) this.#own.restamp();
    this.#published = this.#own.changed;
    this.#forced = false;
    this.#publishedAt = now;
    const { random } = this.#options;
    this.#refreshPart = refresh ? 0.9 + 0.2 * random() : Math.max(random(), 0.1);
    this.#commands.push({ kind: "publish", entry: this.#own.entry, board, to });
  }

  /** Brings our own entry up to date. */
  #renew(now: number): void {
    const { listed, neighbours, lease } = this.#settings;
    this.#renewedAt = now;
    const live = this.#ring.filter((peer) => this.#isAlive(peer, now));
    const near = live.length <= listed ? live : [...live.slice(0, neighbours), ...live.slice(-neighbours)];
    const seen = live.filter((peer) => now - peer.heardAt < lease).slice(0, listed);
    const lost = this.#ring.filter((peer) => peer.lost).slice(0, 2 * listed);
    this.#own.renew({
      ...this.#options.facts(near.map(({ node }) => node)),
      peers_seen: seen.map(({ node }) => node).toSorted(),
      absent: Object.fromEntries(lost.map(({ node, stamp }) => [node, stamp])),
      chief: this.#chief?.node ?? null,
      term: this.#chief?.term ?? this.#highest,
      board: this.#board ?? null,
      leaving: this.#leaving,
    });
  }

  #arm(): void {
    let at = Math.min(this.#tickAt, this.#publishAt ?? Number.POSITIVE_INFINITY, this.#refreshAt());
    for (const peer of this.#charges) if (peer.met && !peer.lost) at = Math.min(at, this.#deadline(peer));
    // A node that others find gone counts as gone as soon as our own last sign of it is too old.
    for (const peer of this.#doubted)
      if (peer.shown && peer.accused) at = Math.min(at, peer.heardAt + this.#settings.lease);
    at = Math.min(at, this.#evaluateAt ?? at);
    if (this.#ring.length === 0 && this.#publishAt === undefined && this.#board === undefined)
      return this.#setTimer(undefined);
    this.#setTimer(at);
  }

  #setTimer(at: number | undefined): void {
    if (at === this.#armed) return;
    this.#armed = at;
    this.#commands.push({ kind: "arm", at });
  }
}
