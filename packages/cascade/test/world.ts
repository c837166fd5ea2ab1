import type { ChannelErrorCode, Effect, NodeId, PacketId } from "@multifleet/core";
import {
  createCascade,
  type Cascade,
  type Command,
  type Input,
  type Settings,
  type Shipment,
} from "../src/index.js";
import { Heap, type Due } from "../src/heap.js";
import { seeded } from "../../../test/random.js";

type Random = () => number;

/**
 * What a medium does with a frame now. A code: it fails with it. `hang`: silence. `slow`: two seconds late. `stopped`: as the receiver's
 * process is, so that what is held is answered when it goes on.
 */
export type Manner = "well" | "hang" | "slow" | "stopped" | ChannelErrorCode;

/** A channel as the simulation plays it, to every peer alike. */
export interface Medium {
  readonly name: string;
  readonly effect: Effect;
  readonly rank: number;
  readonly maxFrameBytes?: number;
  readonly trip: (random: Random) => number;
  manner: Manner;
  /** The part of frames or answers that vanish. */
  loss?: number;
  /** The part of answers that come twice. */
  doubles?: number;
  /** For each message alone, over `manner`. */
  poison?: (id: PacketId) => Manner | undefined;
  /** A store: how long until the receiver reads what is in it; undefined while it does not. */
  pickup?: (random: Random) => number | undefined;
  /** A waker: told for each frame. */
  woke?: () => void;
}

interface Event extends Due {
  readonly run: () => void;
}

/** A message as its sender's books have it. */
export interface Message {
  readonly id: PacketId;
  readonly submitted: number;
  readonly expires: number;
  readonly once: boolean;
  readonly starts: { readonly at: number; readonly channel: string; readonly why: string }[];
  end?: { readonly state: "settled" | "expired" | "done"; readonly at: number; readonly doubtful?: boolean };
  /** When the attempt started that settled it, and by which channel. */
  winner?: { readonly started: number; readonly channel: string };
  received: boolean;
}

interface Flight {
  readonly message: Message;
  readonly medium: Medium;
  readonly peer: NodeId;
  readonly started: number;
  over: boolean;
}

export const mac2 = "mac2" as NodeId;

/** A sender's engine, its media and its peers in one seeded world of events. It keeps the books and checks every command. */
export class World {
  readonly cascade: Cascade;
  readonly messages: Message[] = [];
  readonly random: Random;
  readonly media = new Map<string, Medium>();
  /** Media that have no way to any peer now. */
  readonly unreached = new Set<string>();
  now = 1_700_000_000_000;
  /** What the wall clock is off by. */
  skew = 0;
  armed: number | undefined;
  /** A digest of all commands. */
  trace = 0;
  inputs = 0;
  mostFlying = 0;
  readonly #byId = new Map<PacketId, Message>();
  readonly #flights = new Map<number, Flight>();
  readonly #events = new Heap<Event>();
  #timer: Event | undefined;
  #flying = 0;
  #held: { readonly attempt: number; readonly flight: Flight }[] = [];

  constructor(seed: number, media: readonly Medium[], settings?: Partial<Settings>) {
    this.random = seeded(seed);
    this.cascade = createCascade({
      random: seeded(seed + 1),
      ...(settings === undefined ? {} : { settings }),
    });
    for (const medium of media) this.open(medium);
  }

  open(medium: Medium): void {
    this.media.set(medium.name, medium);
    const { name, effect, rank, maxFrameBytes = 1e6 } = medium;
    const carrier = { name, effect, rank, maxFrameBytes, reaches: () => !this.unreached.has(name) };
    this.tell({ kind: "opened", carrier });
  }

  close(name: string): void {
    this.media.delete(name);
    this.tell({ kind: "closed", channel: name, reason: "gone" });
    for (const [attempt, flight] of this.#flights) {
      if (flight.medium.name === name) this.after(0.2, () => this.fail(attempt, "CLOSED"));
    }
  }

  after(wait: number, run: () => void): Event {
    const event: Event = { at: 0, slot: -1, run };
    this.#events.set(event, this.now + wait);
    return event;
  }

  /** Lets events happen until `wait` milliseconds have passed. */
  pass(wait: number): void {
    const end = this.now + wait;
    for (let next = this.#events.first; next !== undefined && next.at <= end; next = this.#events.first) {
      this.#events.drop(next);
      this.now = Math.max(this.now, next.at);
      next.run();
    }
    this.now = end;
  }

  send(options: Partial<Shipment> = {}): Message {
    const id = (options.id ?? `m${this.messages.length}`) as PacketId;
    const shipment: Shipment = {
      id,
      to: mac2,
      size: 1_000,
      expires: this.wall + 3_600_000,
      mode: "until-receipt",
      ...options,
    };
    const message: Message = {
      ...{ id, submitted: this.now, expires: shipment.expires, once: shipment.mode === "once" },
      ...{ starts: [], received: false },
    };
    this.messages.push(message);
    this.#byId.set(id, message);
    this.tell({ kind: "submit", shipment });
    return message;
  }

  /** `count` messages, one each `gap` milliseconds on average. */
  traffic(count: number, gap: number, options: Partial<Shipment> = {}): void {
    if (count <= 0) return;
    this.send(options);
    this.after(gap * (0.5 + this.random()), () => this.traffic(count - 1, gap, options));
  }

  get wall(): number {
    return this.now + this.skew;
  }

  tell(input: Input): readonly Command[] {
    this.inputs++;
    const commands = this.cascade.handle(input, this.wall);
    for (const command of commands) this.#obey(command);
    return commands;
  }

  medium(channel: string, state: "up" | "down"): void {
    this.tell({ kind: "medium", channel, state, reason: `it is ${state}` });
  }

  heard(channel: string, hello: boolean): void {
    this.tell({ kind: "heard", channel, peer: mac2, hello });
  }

  /** The link ends under what is in flight, and says so; `silently`: the medium says it, the sends hang. */
  cut(medium: Medium, silently = false): void {
    medium.manner = silently ? "hang" : "UNREACHABLE";
    this.medium(medium.name, "down");
    for (const [attempt, flight] of this.#flights) {
      if (flight.medium !== medium) continue;
      flight.over = true;
      if (!silently) this.after(0.3, () => this.fail(attempt, "CLOSED"));
    }
  }

  /** The receiver's process goes on, and answers what it holds. */
  goOn(): void {
    for (const medium of this.media.values()) medium.manner = "well";
    for (const { attempt, flight } of this.#held.splice(0)) {
      this.after(flight.medium.trip(this.random), () => this.#answer(attempt, flight));
    }
  }

  fail(attempt: number, code: ChannelErrorCode): void {
    this.#land(attempt);
    this.tell({ kind: "failed", attempt, code, reason: "simulated" });
  }

  #obey(command: Command): void {
    this.trace = digest(this.trace, command);
    switch (command.kind) {
      case "start":
        return this.#start(command);
      case "abort": {
        check(this.#flights.has(command.attempt), "an attempt under way is aborted");
        const { attempt } = command;
        this.after(0.1, () => this.#flights.has(attempt) && this.fail(attempt, "ABORTED"));
        return;
      }
      case "expired":
        check(this.wall >= (this.#byId.get(command.id)?.expires ?? Infinity), "nothing expires early");
        return this.#end(command.id, "expired", command.doubtful);
      case "done":
        return this.#end(command.id, "done");
      case "arm":
        check(command.at !== this.armed, "the timer is armed anew only when that changes it");
        this.armed = command.at;
        if (this.#timer !== undefined) this.#events.drop(this.#timer);
        this.#timer = undefined;
        if (command.at === undefined) return;
        check(command.at >= this.wall, "no timer is armed in the past");
        this.#timer = this.after(command.at - this.wall, () => {
          this.armed = undefined;
          this.#timer = undefined;
          this.tell({ kind: "timer" });
        });
        return;
    }
  }

  #start({ attempt, id, channel, deadline, why }: Extract<Command, { kind: "start" }>): void {
    const message = this.#byId.get(id);
    const medium = this.media.get(channel);
    check(message !== undefined && message.end === undefined, "only what is not settled is started");
    check(this.wall < message.expires, "nothing is started at or after its expiry");
    check(deadline <= message.expires, "no deadline is after the expiry");
    check(
      medium !== undefined && !this.unreached.has(channel),
      "only an open channel that leads there is used",
    );
    check(!this.#flights.has(attempt), "attempts have names of their own");
    message.starts.push({ at: this.now, channel, why });
    const flight: Flight = { message, medium, peer: mac2, started: this.now, over: false };
    this.#flights.set(attempt, flight);
    this.mostFlying = Math.max(this.mostFlying, ++this.#flying);
    const manner = medium.poison?.(id) ?? medium.manner;
    if (manner === "hang") return;
    if (manner === "stopped") {
      this.#held.push({ attempt, flight });
      return;
    }
    if (manner !== "well" && manner !== "slow") {
      this.after(0.3, () => this.#flights.get(attempt) === flight && this.fail(attempt, manner));
      return;
    }
    const trip = medium.trip(this.random) + (manner === "slow" ? 2_000 : 0);
    if (medium.effect === "wakes") medium.woke?.();
    if (this.random() < (medium.loss ?? 0)) return;
    if (medium.effect === "delivers") {
      this.after(trip / 2, () => {
        if (!flight.over) message.received = true;
      });
      if (this.random() < (medium.loss ?? 0)) return;
    }
    this.after(trip, () => this.#answer(attempt, flight));
  }

  #answer(attempt: number, flight: Flight): void {
    const { message, medium } = flight;
    if (flight.over || this.#flights.get(attempt) !== flight) return;
    const answered = medium.effect === "delivers" && !message.once;
    this.#land(attempt);
    this.tell({ kind: "succeeded", attempt, effect: medium.effect, answered });
    if (this.random() < (medium.doubles ?? 0)) {
      this.tell({ kind: "succeeded", attempt, effect: medium.effect, answered });
    }
    if (answered) {
      message.winner ??= { started: flight.started, channel: medium.name };
      this.settle(message);
    }
    if (medium.effect === "stores") this.#store(message, medium);
  }

  #store(message: Message, medium: Medium): void {
    const wait = medium.pickup?.(this.random);
    if (wait === undefined) return;
    this.after(wait, () => {
      message.received = true;
      message.winner ??= { started: this.now, channel: medium.name };
      this.settle(message);
    });
  }

  /** The receipt is here. */
  settle(message: Message): void {
    if (message.end !== undefined) return;
    message.end = { state: "settled", at: this.now };
    this.tell({ kind: "settled", id: message.id });
  }

  #end(id: PacketId, state: "expired" | "done", doubtful?: boolean): void {
    const message = this.#byId.get(id);
    check(message !== undefined && message.end === undefined, "a message ends once");
    check((state === "done") === message.once, "what is sent once is done, the rest expires");
    message.end = { state, at: this.now, ...(doubtful === undefined ? {} : { doubtful }) };
  }

  #land(attempt: number): void {
    if (this.#flights.delete(attempt)) this.#flying--;
  }
}

function check(holds: boolean, promise: string): asserts holds {
  if (!holds) throw new Error(`broken: ${promise}`);
}

function digest(before: number, command: Command): number {
  let hash = before;
  const channel = command.kind === "start" ? `${command.channel} ${command.why} ${command.deadline}` : "";
  const attempt = command.kind === "start" || command.kind === "abort" ? command.attempt : 0;
  const at = command.kind === "arm" ? command.at : 0;
  for (const text of [command.kind, channel, "id" in command ? command.id : "", `${attempt} ${at}`]) {
    for (let i = 0; i < text.length; i++) hash = (Math.imul(hash, 31) + text.charCodeAt(i)) | 0;
  }
  return hash;
}

/** The value below which the part `q` of `values` lies. */
export function quantile(values: readonly number[], q: number): number {
  if (values.length === 0) return 0;
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.ceil(sorted.length * q) - 1)] ?? 0;
}
