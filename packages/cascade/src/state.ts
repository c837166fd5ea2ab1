import type { NodeId, PacketId } from "@multifleet/core";
import type { Clock } from "./clock.js";
import type { Carrier, Command, Shipment } from "./contract.js";
import { Fifo, Place } from "./fifo.js";
import { Health } from "./health.js";
import type { Due, Heap } from "./heap.js";
import type { Settings } from "./settings.js";

/** One opening of a channel; when it closes and opens again, that is another. */
export interface Opening {
  readonly carrier: Carrier;
  /** Attempts under way by it. */
  readonly flying: Set<Attempt>;
  /** What its medium last said of all peers at once. */
  down: { readonly since: number; readonly reason: string } | undefined;
}

/** An open channel to one peer. */
export interface Path {
  readonly opening: Opening;
  readonly health: Health;
}

/** One start of one message on one path. */
export class Attempt {
  readonly number: number;
  readonly peer: Peer;
  readonly path: Path;
  /** Undefined when the message is settled and the attempt goes on only to show whether its channel works. */
  job: Job | undefined;
  readonly startedAt: number;
  /** From then on it is silent, and the next channel is started. */
  overdueAt: number;
  /** From then on its silence speaks against its channel. */
  readonly suspectAt: number;
  /** From then on it is given up. */
  readonly deadlineAt: number;
  /** Its silence was judged. */
  judged = false;
  /** It tries a path in doubt. */
  readonly test: boolean;
  /** Of its path's health, when it started. */
  readonly epoch: number;
  readonly proofs: number;
  readonly timer: Timer = { kind: "attempt", attempt: this, at: 0, slot: -1 };

  constructor(
    number: number,
    job: Job,
    path: Path,
    times: {
      readonly now: number;
      readonly overdue: number;
      readonly suspect: number;
      readonly deadline: number;
    },
    test: boolean,
  ) {
    this.number = number;
    this.peer = job.peer;
    this.path = path;
    this.job = job;
    this.startedAt = times.now;
    this.overdueAt = times.overdue;
    this.suspectAt = times.suspect;
    this.deadlineAt = times.deadline;
    this.test = test;
    this.epoch = path.health.epoch;
    this.proofs = path.health.proofs;
  }

  /** Whether an answer by its path came since it started, or its path was lost and came back: its own silence is then its own. */
  get outlived(): boolean {
    return this.path.health.proofs !== this.proofs || this.path.health.epoch !== this.epoch;
  }
}

/** A message in hand. It is in a queue, or active: on a pass over its channels. */
export class Job extends Place {
  readonly shipment: Shipment;
  readonly peer: Peer;
  readonly attempts: Attempt[] = [];
  readonly expiry: Expiry = { job: this, at: 0, slot: -1 };
  /** Starts the next channel after a silence. */
  readonly step: Timer = { kind: "step", job: this, at: 0, slot: -1 };
  active = false;
  passes = 0;
  /** The path's doubts do not hold it up: a retry. */
  forced = false;
  /** The peer's answer is being verified and kept. */
  answered = false;
  /** When it was submitted or last went out to be delivered, in `time`. */
  since: number;
  /** What was tried on this pass. */
  readonly tried: { readonly health: Health; readonly epoch: number }[] = [];
  /** Where it is not wanted. `hellos` is -1 where a hello of the peer changes nothing. */
  readonly refused: { readonly opening: Opening; readonly hellos: number }[] = [];
  /** Where a store has it. */
  readonly stored: Opening[] = [];
  storedAt = -Infinity;
  /** A carrier took it or may have. */
  taken = false;
  /** Deadlines missed: each doubles the next. */
  misses = 0;
  /** Where it failed in a way that may be its own fault. */
  readonly failures: { readonly health: Health; readonly proofs: number }[] = [];
  /** The queue in which it waited last: see {@link Peer.lanes}. */
  lane: string | undefined;

  constructor(shipment: Shipment, peer: Peer, time: number) {
    super();
    this.shipment = shipment;
    this.peer = peer;
    this.since = time;
  }
}

/** A node that messages go to or come from. With nothing pending, only its health takes room. */
export class Peer {
  readonly id: NodeId;
  readonly health = new Map<string, Health>();
  paths: Path[] = [];
  /** The state of {@link State.changes} that `paths` shows. */
  pathsOf = -1;

  /** Messages in hand. */
  jobs = 0;
  /** May start as soon as there is room. */
  readonly ready = new Fifo<Job>();
  readonly readyOnce = new Fifo<Job>();
  /**
   * Failed on all their channels and wait for a retry, by the channels that could take them: what one of a lane finds out holds for the
   * others, so that it alone is tried.
   */
  readonly lanes = new Map<string, Fifo<Job>>();
  active = 0;
  activeOnce = 0;
  flying = 0;
  /** How many may be active: one while nothing is proven, doubled by each success. */
  limit = 1;
  /** Passes begun. */
  passes = 0;
  hellos = 0;

  readonly retry: Timer = { kind: "retry", peer: this, at: 0, slot: -1 };
  retries = 0;
  /** Before then, in `time`, nothing is tried in vain again. */
  quietUntil = 0;
  /** Goes on with a long queue in the next turn. */
  readonly more: Timer = { kind: "more", peer: this, at: 0, slot: -1 };

  wokenAt = -Infinity;
  wakes = 0;

  constructor(id: NodeId) {
    this.id = id;
  }

  healthOf(channel: string): Health {
    let health = this.health.get(channel);
    if (health === undefined) this.health.set(channel, (health = new Health(channel)));
    return health;
  }
}

/** A wait, in {@link Clock.time}. */
export type Timer = Due &
  (
    | { readonly kind: "step"; readonly job: Job }
    | { readonly kind: "attempt"; readonly attempt: Attempt }
    | { readonly kind: "retry" | "more"; readonly peer: Peer }
  );

/** The end of a message's life, in {@link Clock.now}. */
export interface Expiry extends Due {
  readonly job: Job;
}

/** All that the cascade knows. */
export interface State {
  readonly settings: Settings;
  readonly random: () => number;
  readonly clock: Clock;
  readonly timers: Heap<Timer>;
  readonly expiries: Heap<Expiry>;
  readonly openings: Map<string, Opening>;
  /** Rises when a channel opens or closes. */
  changes: number;
  readonly peers: Map<NodeId, Peer>;
  readonly jobs: Map<PacketId, Job>;
  readonly attempts: Map<number, Attempt>;
  attemptsMade: number;
  peersWithJobs: number;
  /** Peers whose queues may move. */
  readonly dirty: Set<Peer>;
  /** How many messages may still be begun in this turn. */
  turn: number;
  commands: Command[];
}

/** The record of a peer, made where there is none. */
export function peerOf(state: State, id: NodeId): Peer {
  let peer = state.peers.get(id);
  if (peer === undefined) state.peers.set(id, (peer = new Peer(id)));
  return peer;
}
