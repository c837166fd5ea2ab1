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
  const books = { messages: 0, sends: 0, starts: 0, settled: 0 };
  const took: number[] = [];
  const fell: number[] = [];
  for (let number = 1; number <= seeds; number++) {
    const list = media();
    const world = new World(number, list);
    const delivers = new Set(list.filter(({ effect }) => effect === "delivers").map(({ name }) => name));
    let judged: readonly Message[];
    try {
      judged = run(world) ?? world.messages;
    } catch (cause) {
      throw new Error(`seed ${number}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
    }
    for (const { starts } of world.messages) books.sends += starts.length;
    books.messages += judged.length;
    for (const { starts, end, submitted, winner } of judged) {
      books.starts += starts.filter(({ channel }) => delivers.has(channel)).length;
      if (end === undefined || end.state === "expired") continue;
      books.settled++;
      took.push(end.at - submitted);
      const [first] = starts;
      if (winner === undefined || first === undefined) continue;
      if (first.channel !== winner.channel || first.at !== winner.started)
        fell.push(winner.started - submitted);
    }
  }
  return {
    ...{ seeds, messages: books.messages, sends: books.sends, unsettled: books.messages - books.settled },
    sendsPerMessage: books.starts / books.messages,
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
