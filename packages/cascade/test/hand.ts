import type { ChannelErrorCode, Effect, NodeId, PacketId } from "@multifleet/core";
import {
  createCascade,
  type Cascade,
  type ChannelHealth,
  type Command,
  type Input,
  type Settings,
  type Shipment,
} from "../src/index.js";

export type Start = Extract<Command, { kind: "start" }>;

export const mac2 = "mac2" as NodeId;
/** The time at which every hand begins. */
export const dawn = 1_700_000_000_000;

/** Plays the engine by hand: gives inputs at chosen times, and reads what is to be done. */
export class Hand {
  readonly cascade: Cascade;
  now = dawn;
  armed: number | undefined;
  readonly commands: Command[] = [];
  #read = 0;

  constructor(options: { readonly random?: () => number; readonly settings?: Partial<Settings> } = {}) {
    this.cascade = createCascade({ random: () => 0.999, ...options });
  }

  give(input: Input): readonly Command[] {
    const commands = this.cascade.handle(input, this.now);
    for (const command of commands) if (command.kind === "arm") this.armed = command.at;
    this.commands.push(...commands);
    return commands;
  }

  open(
    name: string,
    rank: number,
    options: { effect?: Effect; reaches?: () => boolean; most?: number } = {},
  ): void {
    const { effect = "delivers", reaches = () => true, most = 1e6 } = options;
    this.give({ kind: "opened", carrier: { name, rank, effect, reaches, maxFrameBytes: most } });
  }

  /** @returns What was started. */
  submit(id: string, options: Partial<Shipment> = {}): readonly Start[] {
    const shipment: Shipment = {
      ...{ id: id as PacketId, to: mac2, size: 1_000, expires: this.now + 3_600_000, mode: "until-receipt" },
      ...options,
    };
    return started(this.give({ kind: "submit", shipment }));
  }

  fail(start: Start | undefined, code: ChannelErrorCode): readonly Start[] {
    return started(this.give({ kind: "failed", attempt: start?.attempt ?? -1, code, reason: "" }));
  }

  succeed(start: Start | undefined, effect: Effect = "delivers"): readonly Start[] {
    const answered = effect === "delivers";
    return started(this.give({ kind: "succeeded", attempt: start?.attempt ?? -1, effect, answered }));
  }

  settle(id: string): readonly Command[] {
    return this.give({ kind: "settled", id: id as PacketId });
  }

  /** The answer came: delivered. */
  deliver(start: Start | undefined): readonly Command[] {
    this.succeed(start);
    return this.settle(start?.id ?? "");
  }

  medium(channel: string, state: "up" | "down"): readonly Start[] {
    return started(this.give({ kind: "medium", channel, peer: mac2, state, reason: "said so" }));
  }

  heard(channel: string, hello = false): readonly Start[] {
    return started(this.give({ kind: "heard", channel, peer: mac2, hello }));
  }

  /** Lets `wait` milliseconds pass, with the timer firing when it is due. @returns What was started, with when. */
  pass(wait: number): readonly (Start & { readonly at: number })[] {
    const end = this.now + wait;
    const starts: (Start & { readonly at: number })[] = [];
    for (let i = 0; this.armed !== undefined && this.armed <= end; i++) {
      if (i > 10_000) throw new Error("the timer fires without end");
      this.now = Math.max(this.now, this.armed);
      this.armed = undefined;
      const at = this.now;
      starts.push(...started(this.give({ kind: "timer" })).map((start) => ({ ...start, at: at - dawn })));
    }
    this.now = end;
    return starts;
  }

  /** Lets time pass in small steps, and reacts to every start as it is told. */
  play(duration: number, step: number, react: (start: Start) => void): void {
    for (const end = this.now + duration; this.now < end; this.pass(step)) {
      for (; this.#read < this.commands.length; this.#read++) {
        const command = this.commands[this.#read];
        if (command?.kind === "start") react(command);
      }
    }
  }

  health(channel: string): ChannelHealth | undefined {
    return this.cascade.health(mac2).find((each) => each.channel === channel);
  }

  /** Sends `count` messages that `channel` is to deliver, each in `ms`. */
  warm(channel: string, ms: number, count = 10): void {
    for (let i = 0; i < count; i++) {
      const [start] = this.submit(`warm-${channel}-${this.now}-${i}`, { via: channel });
      this.pass(ms);
      this.deliver(start);
    }
  }
}

export function started(commands: readonly Command[]): readonly Start[] {
  return commands.filter((command) => command.kind === "start");
}

export function channels(starts: readonly { readonly channel: string }[]): readonly string[] {
  return starts.map(({ channel }) => channel);
}
