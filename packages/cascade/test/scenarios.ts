import { roundTrip } from "./random.js";
import { quantile, World, type Manner, type Medium, type Message } from "./world.js";

export type Play = (world: World) => readonly Message[] | void;

/** What many seeds of one scenario came to. */
export interface Outcome {
  readonly seeds: number;
  readonly messages: number;
  readonly sends: number;
  readonly unsettled: number;
  /** Starts by channels that deliver, for each message. */
  readonly sendsPerMessage: number;
  readonly p50: number;
  readonly p99: number;
  /** Of messages whose first start did not bring it there: how long after submission the one that did was started. */
  readonly fallThrough: number;
  readonly worlds: readonly World[];
}

export const nats = (manner: Manner = "well"): Medium => ({
  ...{ name: "nats", effect: "delivers", rank: 1, trip: roundTrip(1.5, 0.4), manner },
});
export const http = (manner: Manner = "well"): Medium => ({
  ...{ name: "http", effect: "delivers", rank: 2, trip: roundTrip(2, 0.4), manner },
});
export const ssh = (manner: Manner = "well"): Medium => ({
  ...{ name: "ssh", effect: "delivers", rank: 5, trip: roundTrip(4, 0.4), manner },
});
export const seed = (pickup?: Medium["pickup"]): Medium => ({
  ...{ name: "seed", effect: "stores", rank: 4, trip: roundTrip(40, 0.3), manner: "well" },
  ...(pickup === undefined ? {} : { pickup }),
});
/** The same channel over a longer line. */
export const far = (medium: Medium, median: number, spread = 0.25): Medium => ({
  ...medium,
  trip: roundTrip(median, spread),
});

/** Plays a scenario with `seeds` seeds; what it returns is judged, or else all its messages. */
export function play(seeds: number, media: () => readonly Medium[], run: Play): Outcome {
  const worlds: World[] = [];
  const judged: Message[] = [];
  const delivers = new Set<string>();
  let sends = 0;
  for (let number = 1; number <= seeds; number++) {
    const list = media();
    const world = new World(number, list);
    for (const { name, effect } of list) if (effect === "delivers") delivers.add(name);
    try {
      judged.push(...(run(world) ?? world.messages));
    } catch (cause) {
      throw new Error(`seed ${number}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
    }
    for (const { starts } of world.messages) sends += starts.length;
    worlds.push(world);
  }
  const starts = judged.flatMap((message) => message.starts.filter(({ channel }) => delivers.has(channel)));
  const settled = judged.filter(({ end }) => end !== undefined && end.state !== "expired");
  const took = settled.map(({ submitted, end }) => (end?.at ?? 0) - submitted);
  const fell = settled.flatMap(({ submitted, starts: [first], winner }) => {
    if (winner === undefined || first === undefined) return [];
    return first.channel === winner.channel && first.at === winner.started
      ? []
      : [winner.started - submitted];
  });
  return {
    ...{ seeds, messages: judged.length, sends, worlds },
    unsettled: judged.length - settled.length,
    sendsPerMessage: starts.length / judged.length,
    p50: quantile(took, 0.5),
    p99: quantile(took, 0.99),
    fallThrough: quantile(fell, 0.99),
  };
}

/** Starts by `channel` among `messages`. */
export function startsBy(messages: readonly Message[], channel: string): readonly number[] {
  return messages.flatMap(({ starts }) =>
    starts.filter((start) => start.channel === channel).map(({ at }) => at),
  );
}
