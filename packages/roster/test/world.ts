import { nodeId, type NodeId } from "@multifleet/core";
import { createRoster, type Chief, type Command, type Entry, type Role, type Roster } from "../src/index.js";
import { Agenda } from "./agenda.js";
import { seeded } from "../../../test/random.js";

export interface WorldOptions {
  readonly nodes: number;
  readonly seed: number;
  /** Whether there is a table that all nodes see. */
  readonly board?: boolean;
  readonly role?: (node: NodeId) => Role;
  /** How far a node's time of day is off, in milliseconds. */
  readonly skew?: (node: NodeId) => number;
}

/** A change of who is chief, as one node saw it. */
interface Seen {
  readonly at: number;
  readonly chief: Chief | undefined;
}

/** A node of the simulation: its roster, and what it was told. */
export class SimNode {
  readonly name: NodeId;
  roster!: Roster;
  running = false;
  frozen = false;
  timer: { at: number | undefined } = { at: undefined };
  term = 0;
  readonly seen: Seen[] = [];
  /** How many hellos and answers it sent and received, rows it wrote and was shown. */
  readonly count = { sent: 0, received: 0, rows: 0, shown: 0, entries: 0 };

  constructor(name: NodeId) {
    this.name = name;
  }
}

/** Many rosters, a clock, a network that can be cut in parts, and maybe a board. One seed makes the same history again. */
export class World {
  now = 0;
  readonly nodes = new Map<NodeId, SimNode>();
  readonly #agenda = new Agenda();
  readonly #random: () => number;
  readonly #options: WorldOptions;
  readonly #board = new Map<NodeId, Entry>();
  /** Which part of the network a node is in; the board is in part 0. */
  #part: (node: NodeId) => number = () => 0;

  constructor(options: WorldOptions) {
    this.#options = options;
    this.#random = seeded(options.seed);
    for (let i = 0; i < options.nodes; i++) {
      const name = nodeId(`node${i}`);
      this.nodes.set(name, new SimNode(name));
    }
    for (const { name } of this.nodes.values()) this.#later(this.#random() * 500, () => this.start(name));
  }

  get running(): SimNode[] {
    return [...this.nodes.values()].filter((node) => node.running);
  }

  node(name: NodeId): SimNode {
    const node = this.nodes.get(name);
    if (node === undefined) throw new Error(`no node ${name}`);
    return node;
  }

  /** Lets `ms` pass. */
  run(ms: number): void {
    const end = this.now + ms;
    for (let item = this.#agenda.next(end); item !== undefined; item = this.#agenda.next(end)) {
      this.now = item.at;
      item.act();
    }
    this.now = end;
  }

  start(name: NodeId): void {
    const node = this.node(name);
    const skew = this.#options.skew?.(name) ?? 0;
    node.running = true;
    node.timer = { at: undefined };
    node.roster = createRoster({
      node: name,
      role: this.#options.role?.(name) ?? "may",
      term: node.term,
      random: this.#random,
      now: this.now,
      wall: () => 1.7e12 + this.now + skew,
      facts: (kept) => ({
        ...{ version: "1", capabilities: ["git"], tools: {}, git_head: null, sessions: [] },
        channels: Object.fromEntries(kept.map((peer) => [peer, ["http"]])),
      }),
    });
    this.#tell(node, { kind: "members", nodes: [...this.nodes.keys()] });
    if (this.#options.board === true) this.#join(node);
    for (const peer of this.nodes.keys()) if (peer !== name) this.#hello(node, peer);
  }

  /** Ends it without a word. */
  kill(name: NodeId): void {
    this.node(name).running = false;
  }

  /** Stops it as SIGSTOP does, until `thaw`. What comes in meanwhile is lost. */
  freeze(name: NodeId): void {
    this.node(name).frozen = true;
  }

  thaw(name: NodeId): void {
    const node = this.node(name);
    node.frozen = false;
    const { timer } = node;
    if (timer.at !== undefined && timer.at <= this.now) this.#fire(node, timer);
  }

  /** Cuts the network in parts, or makes it one again. Nobody is told. */
  cut(part: (node: NodeId) => number = () => 0): void {
    const before = this.#part;
    this.#part = part;
    if (this.#options.board !== true) return;
    // Whoever has the board back says so, and is shown all of it.
    for (const node of this.running) {
      if (part(node.name) !== 0) this.#tell(node, { kind: "board", name: undefined });
      else if (before(node.name) !== 0) this.#join(node);
    }
  }

  /** The chief that each running node knows. */
  chiefs(): Set<string> {
    return new Set(this.running.map(({ roster: { chief } }) => `${chief?.node}/${chief?.term}`));
  }

  #join(node: SimNode): void {
    for (const entry of this.#board.values()) this.#tell(node, { kind: "row", entry });
    this.#tell(node, { kind: "board", name: "nats" });
  }

  #tell(node: SimNode, input: Parameters<Roster["handle"]>[0]): void {
    if (!node.running || node.frozen) return;
    for (const command of node.roster.handle(input, this.now)) this.#obey(node, command);
  }

  #obey(node: SimNode, command: Command): void {
    switch (command.kind) {
      case "keep-alive":
        return this.#hello(node, command.to);
      case "publish":
        if (command.board && this.#part(node.name) === 0) this.#put(node, command.entry);
        for (const to of command.to) this.#hello(node, to);
        return;
      case "chief":
        node.term = Math.max(node.term, command.chief?.term ?? 0);
        node.seen.push({ at: this.now, chief: command.chief });
        return;
      case "presence":
      case "changed":
        return;
      case "arm": {
        const timer = { at: command.at };
        node.timer = timer;
        if (command.at !== undefined)
          this.#agenda.add(Math.max(command.at, this.now), () => this.#fire(node, timer));
      }
    }
  }

  #fire(node: SimNode, timer: SimNode["timer"]): void {
    if (node.timer === timer) this.#tell(node, { kind: "timer" });
  }

  #put(node: SimNode, entry: Entry): void {
    node.count.rows++;
    this.#board.set(node.name, entry);
    this.#later(this.#latency(), () => {
      for (const other of this.running) {
        if (this.#part(other.name) !== 0) continue;
        other.count.shown++;
        this.#tell(other, { kind: "row", entry });
      }
    });
  }

  /** A hello and its answer, where both get through. */
  #hello(from: SimNode, name: NodeId): void {
    const to = this.node(name);
    const word = from.roster.word(name, this.now);
    from.count.sent++;
    if (word.entry !== undefined) from.count.entries++;
    this.#carry(from, to, () => {
      this.#tell(to, { kind: "word", node: from.name, word });
      const answer = to.roster.word(from.name, this.now);
      to.count.sent++;
      if (answer.entry !== undefined) to.count.entries++;
      this.#carry(to, from, () => this.#tell(from, { kind: "word", node: name, word: answer }));
    });
  }

  #carry(from: SimNode, to: SimNode, arrive: () => void): void {
    this.#later(this.#latency(), () => {
      const open = this.#part(from.name) === this.#part(to.name);
      if (!open || !to.running || to.frozen) return;
      to.count.received++;
      arrive();
    });
  }

  #latency(): number {
    return 1 + 20 * this.#random();
  }

  #later(ms: number, act: () => void): void {
    this.#agenda.add(this.now + ms, act);
  }
}
