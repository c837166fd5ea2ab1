import type { Board, NodeId, Packet } from "@multifleet/core";
import { createRoster, readWord, type Command, type Input, type Roster, type Word } from "@multifleet/roster";
import type { Mailbox } from "@multifleet/mailbox";
import { background, type NodeCounters } from "../books.js";
import type { Config } from "../config.js";
import type { EventLog } from "../events.js";
import type { Fleet } from "../fleet/fleet.js";
import type { Log } from "../log.js";
import { Problem } from "../problem.js";
import { OwnFacts } from "./facts.js";
import { Table } from "./table.js";
import { rosterView, type RosterView } from "./view.js";

/** What the roster asks of the rest of the node. */
export interface PresenceHost {
  readonly counters: NodeCounters;
  readonly log: Log;
  readonly config: Config;
  readonly events: EventLog;
  readonly fleet: Fleet;
  readonly mailbox: Mailbox;
  readonly version: string;
  /** The open channels that have a board, best first. */
  boards(): readonly { readonly name: string; readonly board: Board }[];
  /** The channels that work to a peer, best first. */
  working(peer: NodeId): readonly string[];
  /** Sends a hello that asks for an answer and is no news of a recovery. Its answer comes by `word`. */
  keepAlive(peer: NodeId, within: number): Promise<void>;
  pendingTo(peer: NodeId): number;
  lastSeen(node: NodeId): number | undefined;
}

/** What is kept over restarts of a fleet's roster. */
interface Kept {
  readonly term: number;
}

/** setTimeout's own limit. */
const longestTimer = 2_147_483_647;
/** How long the node's end may be put off to say that it is near, in milliseconds, and to how many it is said one by one. */
const farewell = 250;
const farewells = 8;

/** The roster at work: it feeds the decisions with what happens, and does what they say. Loaded once the node is ready. */
export class Presence {
  readonly #host: PresenceHost;
  readonly #facts: OwnFacts;
  readonly #table: Table;
  /** When the newest packet of each node was made, by its own clock: one that is replayed is no sign of life. */
  readonly #newest = new Map<NodeId, number>();
  /** Boards of these channels are out of reach for the moment. */
  readonly #down = new Set<string>();
  /** Nodes whose first stamp of this run is kept: no row from before it is ever believed again. */
  readonly #kept = new Set<NodeId>();
  #roster: Roster;
  #timer: NodeJS.Timeout | undefined;
  #ended = false;

  constructor(host: PresenceHost) {
    this.#host = host;
    this.#facts = new OwnFacts({
      ...host,
      capabilities: host.config.capabilities ?? [],
      working: (peer) => host.working(peer),
      changed: () => this.#tell({ kind: "touched" }),
    });
    this.#table = new Table({
      ...host,
      stream: host.mailbox.stream,
      compare: (entry) => this.#roster.compare(entry),
      read: (entry) => {
        this.#keepStamp(entry.node_id, entry.stamp);
        this.#tell({ kind: "row", entry });
      },
      lost: () => this.#tell({ kind: "row-lost" }),
    });
    this.#roster = this.#create();
    this.#begin();
  }

  get chief(): NodeId | undefined {
    return this.#roster.chief?.node;
  }

  /** Live nodes that are known to reach `to`, the chief first. */
  likely(to: NodeId): readonly NodeId[] {
    return this.#roster.likely(to, this.#now());
  }

  /** This node is another one since now, or of another fleet. */
  renew(): void {
    this.#table.use(undefined);
    this.#newest.clear();
    this.#kept.clear();
    clearTimeout(this.#timer);
    this.#roster = this.#create();
    this.#begin();
  }

  /** The fleet has other members than before. */
  members(): void {
    this.#tell({ kind: "members", nodes: this.#host.fleet.peers });
  }

  /** A channel was opened or closed, or its medium came or went. */
  channels(medium?: { readonly name: string; readonly state: "up" | "down" }): void {
    if (medium?.state === "down") this.#down.add(medium.name);
    else if (medium !== undefined) this.#down.delete(medium.name);
    this.#useBoard();
    this.#tell({ kind: "touched" });
  }

  /** A genuine packet of a node came in. */
  heard({ from, created }: Packet): void {
    if (created <= (this.#newest.get(from) ?? 0)) return;
    this.#newest.set(from, created);
    this.#tell({ kind: "heard", node: from });
  }

  /** The roster's part of a node's newest hello. */
  learn(node: NodeId, value: unknown): void {
    if (value === undefined) return;
    const word = readWord(value);
    if (word === undefined) return this.#host.counters.count("roster_words_refused_total");
    if (word.entry !== undefined) this.#keepStamp(node, word.entry.stamp);
    this.#tell({ kind: "word", node, word });
  }

  /** The same of ours to a node. */
  word(to: NodeId): Word {
    return this.#roster.word(to, this.#now());
  }

  /** An agent session of this machine was active. */
  session(name: string): void {
    if (name !== "") this.#facts.active(name);
  }

  view(): RosterView {
    const { lastSeen } = this.#host;
    return rosterView(this.#roster, { now: this.#now(), wall: Date.now(), lastSeen });
  }

  /** The live node that has a capability and least to do; this one only where it is alone. @throws Problem */
  pick(capability: string): NodeId {
    const { fleet, working, pendingTo } = this.#host;
    const others = this.#roster.having(capability, this.#now()).filter((node) => node !== fleet.node);
    const weight = (node: NodeId) => [working(node).length > 0 ? 0 : 1, pendingTo(node)] as const;
    const [best] = others
      .map((node) => ({ node, weight: weight(node) }))
      .toSorted(
        (a, b) => a.weight[0] - b.weight[0] || a.weight[1] - b.weight[1] || (a.node < b.node ? -1 : 1),
      );
    if (best !== undefined) return best.node;
    if (this.#roster.own.capabilities.includes(capability)) return fleet.node;
    throw this.#unknown(capability);
  }

  /** Says that the end is near, and ends. */
  async end(): Promise<void> {
    this.#ended = true;
    clearTimeout(this.#timer);
    this.#facts.end();
    const said: Promise<void>[] = [];
    for (const command of this.#roster.handle({ kind: "leaving" }, this.#now())) {
      if (command.kind !== "publish") continue;
      said.push(this.#table.write(command.entry, farewell));
      for (const to of command.to.slice(0, farewells)) said.push(this.#host.keepAlive(to, farewell));
    }
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((done) => (timer = setTimeout(done, farewell)));
    await Promise.race([Promise.allSettled(said), late]);
    clearTimeout(timer);
    this.#table.end();
  }

  #create(): Roster {
    const { config, fleet, mailbox } = this.#host;
    return createRoster({
      node: fleet.node,
      role: config.chief ?? "may",
      term: mailbox.get<Kept>(this.#place())?.term ?? 0,
      random: Math.random,
      ...(config.roster?.lease === undefined ? {} : { lease: config.roster.lease }),
      now: this.#now(),
      wall: Date.now,
      facts: (kept) => this.#facts.facts(kept),
      floor: (node) => mailbox.get<number>(this.#place(node)) ?? 0,
    });
  }

  #begin(): void {
    this.members();
    this.#useBoard();
  }

  /** A clock that is never set: leases do not run out because somebody corrects the time. */
  #now(): number {
    return performance.now();
  }

  #useBoard(): void {
    const [best] = this.#host.boards().filter(({ name }) => !this.#down.has(name));
    // A board that is out of reach for a moment is still followed: it tells what has changed when it is back.
    if (best !== undefined) this.#table.use(best.board);
    else if (this.#host.boards().length === 0) this.#table.use(undefined);
    this.#tell({ kind: "board", name: best?.name });
  }

  #tell(input: Input): void {
    if (this.#ended) return;
    for (const command of this.#roster.handle(input, this.#now())) this.#obey(command);
  }

  #obey(command: Command): void {
    const { counters, events, log, mailbox } = this.#host;
    switch (command.kind) {
      case "keep-alive":
        return this.#keepAlive(command.to);
      case "publish":
        if (command.board) background(this.#table.write(command.entry), "roster", this.#host);
        for (const to of command.to) this.#keepAlive(to);
        return;
      case "chief": {
        const { chief } = command;
        counters.count("roster_chief_changes_total");
        log.info("chief", { chief: chief?.node, term: chief?.term });
        events.emit("peer", { node: chief?.node ?? "", state: "chief", term: chief?.term ?? 0 });
        if (chief !== undefined)
          background(mailbox.put(this.#place(), { term: chief.term } satisfies Kept), "roster", this.#host);
        return;
      }
      case "changed":
        events.emit("peer", { node: command.node, state: "changed" });
        return;
      case "presence":
        events.emit("peer", { node: command.node, state: command.alive ? "alive" : "gone" });
        return;
      case "arm":
        return this.#arm(command.at);
    }
  }

  #arm(at: number | undefined): void {
    clearTimeout(this.#timer);
    if (at === undefined) return;
    const wait = Math.min(Math.max(at - this.#now(), 0), longestTimer);
    this.#timer = setTimeout(() => this.#tell({ kind: "timer" }), Math.ceil(wait));
  }

  #keepAlive(to: NodeId): void {
    this.#host.counters.count("roster_keep_alives_total");
    const within = this.#host.config.roster?.lease ?? 12_000;
    background(this.#host.keepAlive(to, within / 3), "keep_alive", this.#host);
  }

  #keepStamp(node: NodeId, stamp: number): void {
    if (this.#kept.has(node) || node === this.#host.fleet.node) return;
    this.#kept.add(node);
    background(this.#host.mailbox.put(this.#place(node), stamp), "roster", this.#host);
  }

  #place(node = ""): string {
    return `roster/${this.#host.fleet.fleet}/${node}`;
  }

  #unknown(capability: string): Problem {
    const known: Record<string, { readonly node: NodeId; readonly alive: boolean }[]> = {};
    for (const { node, alive, capabilities } of this.view().nodes)
      for (const each of capabilities) (known[each] ??= []).push({ node, alive });
    const away = known[capability]?.map(({ node }) => node) ?? [];
    const live = Object.keys(known).filter((each) => known[each]?.some(({ alive }) => alive));
    const detail =
      away.length > 0
        ? `no live node has ${capability}; ${away.join(", ")} had it and cannot be heard now: name the node, and the message waits for it`
        : `no node of this fleet has ${capability}; known: ${
            live
              .toSorted()
              .map((each) => `@${each}`)
              .join(", ") || "none yet"
          }`;
    return new Problem("unknown_capability", detail, { extra: { capability, known: live.toSorted(), away } });
  }
}
