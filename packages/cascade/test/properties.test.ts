import { channelErrorCodes, type Effect, type NodeId, type PacketId } from "@multifleet/core";
import fc from "fast-check";
import { expect, test } from "vitest";
import { createCascade, type Command, type Input, type Shipment } from "../src/index.js";
import { dawn } from "./hand.js";

const runs = Number(process.env.MULTIFLEET_RUNS ?? 1_000);
const window = 4;
const peers = ["mac1", "mac2", "mac3"] as NodeId[];
const names = ["nats", "http", "ssh", "seed", "wol"];
const effects: Effect[] = ["delivers", "delivers", "delivers", "stores", "wakes"];

const pick = <Item>(items: readonly Item[]) => fc.constantFrom(...items);
const channel = fc.nat(names.length - 1);
/** Inputs as they come; `which` names one of the attempts ever started, so that late and doubled reports come too. */
const step = fc.record({
  wait: fc.oneof(
    { weight: 6, arbitrary: fc.nat(40) },
    { weight: 2, arbitrary: fc.nat(3_000) },
    { weight: 1, arbitrary: pick([-3_600_000, -7, 40_000, 86_400_000, 0.25]) },
  ),
  what: fc.oneof(
    {
      weight: 4,
      arbitrary: fc.record({
        kind: fc.constant("submit" as const),
        peer: pick(peers),
        id: fc.nat(30),
        size: pick([10, 5_000]),
        life: pick([0, 50, 5_000, 1e7]),
        via: fc.option(channel),
        once: fc.boolean(),
      }),
    },
    {
      weight: 4,
      arbitrary: fc.record({
        kind: fc.constant("succeeded" as const),
        which: fc.nat(),
        settle: fc.boolean(),
      }),
    },
    {
      weight: 4,
      arbitrary: fc.record({
        kind: fc.constant("failed" as const),
        which: fc.nat(),
        code: pick(channelErrorCodes),
      }),
    },
    { weight: 4, arbitrary: fc.constant({ kind: "timer" as const }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant("settled" as const), id: fc.nat(30) }) },
    {
      weight: 1,
      arbitrary: fc.record({
        kind: fc.constant("opened" as const),
        channel,
        reaches: fc.nat(7),
        most: pick([1_000, 1e6]),
      }),
    },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant("closed" as const), channel }) },
    {
      weight: 1,
      arbitrary: fc.record({
        kind: fc.constant("medium" as const),
        channel,
        peer: fc.option(pick(peers)),
        state: pick(["up", "down"] as const),
      }),
    },
    {
      weight: 1,
      arbitrary: fc.record({
        kind: fc.constant("heard" as const),
        channel,
        peer: pick(peers),
        hello: fc.boolean(),
      }),
    },
  ),
});

interface Attempt {
  readonly number: number;
  id: PacketId;
  readonly channel: string;
}

function must(holds: boolean, promise: string): void {
  if (!holds) throw new Error(`broken: ${promise}`);
}

/** Keeps the engine's books and checks each command against them. */
function engine(seed: number) {
  let random = seed;
  const cascade = createCascade({
    random: () => (random = (random * 16_807) % 2_147_483_647) / 2_147_483_647,
    settings: { window },
  });
  const open = new Map<string, { readonly reaches: number; readonly most: number }>();
  const pending = new Map<PacketId, Shipment>();
  const attempts: Attempt[] = [];
  const flying = new Map<number, Attempt>();
  let now = dawn;
  let armed: number | undefined;
  const trace: Command[] = [];

  function tell(input: Input): Command[] {
    const commands = cascade.handle(input, now);
    trace.push(...commands);
    commands.forEach((command, place) => check(command, place));
    const { load } = cascade;
    must(load.shipments === pending.size, "the load is what is pending");
    must(load.peers === new Set([...pending.values()].map(({ to }) => to)).size, "and for how many peers");
    must(flying.size <= peers.length * (4 * window + 2) * names.length, "what is under way is bounded");
    return commands;
  }

  function check(command: Command, place: number): void {
    switch (command.kind) {
      case "arm":
        must(place === 0 && command.at !== armed, "the timer is armed first, and only anew");
        must(command.at === undefined || command.at >= now, "not in the past");
        armed = command.at;
        return;
      case "start": {
        const { attempt: number, id, channel: name, deadline, to } = command;
        const shipment = pending.get(id);
        const carrier = open.get(name);
        if (shipment === undefined || carrier === undefined)
          throw new Error("started what is over or closed");
        const { expires, size, via, mode } = shipment;
        must(now < expires && deadline <= expires, "nothing is started at its expiry");
        must(
          to === shipment.to && ((carrier.reaches >> peers.indexOf(to)) & 1) === 1,
          "the channel leads there",
        );
        must(size <= carrier.most && (via ?? name) === name, "takes it, and is the one asked for");
        must(mode === "until-receipt" || name !== "wol", "what is sent once wakes nobody");
        must(number > (attempts.at(-1)?.number ?? 0), "attempts have names of their own");
        for (const other of flying.values()) must(other.id !== id || other.channel !== name, "one at a time");
        const attempt = { number, id, channel: name };
        attempts.push(attempt);
        flying.set(number, attempt);
        return;
      }
      case "abort":
        must(flying.delete(command.attempt), "only what is under way is ended");
        return;
      case "expired":
        must(pending.get(command.id)?.mode === "until-receipt", "what waits for a receipt expires, once");
        must(now >= (pending.get(command.id)?.expires ?? Infinity), "and not early");
        pending.delete(command.id);
        return;
      case "done":
        must(pending.get(command.id)?.mode === "once", "what is sent once is done, once");
        pending.delete(command.id);
        return;
    }
  }

  function settle(id: PacketId): void {
    if (pending.get(id)?.mode === "until-receipt") pending.delete(id);
    tell({ kind: "settled", id });
    // A test may outlive its message; a later message of the same name has nothing to do with it.
    for (const attempt of flying.values()) if (attempt.id === id) attempt.id = `${id} before` as PacketId;
  }

  function report(which: number, input: (attempt: number) => Input): PacketId | undefined {
    const attempt = attempts[which % Math.max(1, attempts.length)];
    if (attempt === undefined) return undefined;
    flying.delete(attempt.number);
    tell(input(attempt.number));
    return attempt.id;
  }

  function submit(shipment: Shipment): void {
    if (!pending.has(shipment.id)) pending.set(shipment.id, shipment);
    tell({ kind: "submit", shipment });
  }

  function end(name: string): void {
    for (const { number, channel: by } of flying.values()) if (by === name) flying.delete(number);
  }

  function start(index: number, reaches: number, most: number): void {
    const name = names[index] ?? "";
    end(name);
    open.set(name, { reaches, most });
    const carrier = { name, effect: effects[index] ?? "delivers", rank: index, maxFrameBytes: most };
    const leads = (peer: NodeId) => ((reaches >> peers.indexOf(peer)) & 1) === 1;
    tell({ kind: "opened", carrier: { ...carrier, reaches: leads } });
  }

  function close(index: number): void {
    const name = names[index] ?? "";
    end(name);
    open.delete(name);
    tell({ kind: "closed", channel: name, reason: "test" });
  }

  return {
    ...{ cascade, pending, attempts, trace, tell, settle, report, submit, start, close },
    pass: (wait: number) => void (now += wait),
    fire: () => {
      armed = undefined;
      tell({ kind: "timer" });
    },
    get armed() {
      return armed;
    },
    get now() {
      return now;
    },
  };
}

type Step = typeof step extends fc.Arbitrary<infer Value> ? Value : never;

function play(steps: readonly Step[], seed: number) {
  const world = engine(seed);
  for (const { wait, what } of steps) {
    world.pass(wait);
    switch (what.kind) {
      case "submit":
        world.submit({
          ...{
            id: `m${what.id}` as PacketId,
            to: what.peer,
            size: what.size,
            expires: world.now + what.life,
          },
          ...{ mode: what.once ? "once" : "until-receipt" },
          ...(what.via === null ? {} : { via: names[what.via] ?? "" }),
        });
        break;
      case "succeeded": {
        const effect =
          effects[
            names.indexOf(world.attempts[what.which % Math.max(1, world.attempts.length)]?.channel ?? "")
          ];
        const id = world.report(what.which, (attempt) => ({
          ...{ kind: "succeeded", attempt, effect: effect ?? "delivers", answered: what.settle },
        }));
        if (what.settle && id !== undefined) world.settle(id);
        break;
      }
      case "failed":
        world.report(what.which, (attempt) => ({ kind: "failed", attempt, code: what.code, reason: "" }));
        break;
      case "timer":
        world.fire();
        break;
      case "settled":
        world.settle(`m${what.id}` as PacketId);
        break;
      case "opened":
        world.start(what.channel, what.reaches, what.most);
        break;
      case "closed":
        world.close(what.channel);
        break;
      case "medium":
        world.tell({
          ...{ kind: "medium", channel: names[what.channel] ?? "", state: what.state, reason: "test" },
          ...(what.peer === null ? {} : { peer: what.peer }),
        });
        break;
      case "heard":
        world.tell({ kind: "heard", channel: names[what.channel] ?? "", peer: what.peer, hello: what.hello });
        break;
    }
  }
  return world;
}

const options = {
  numRuns: runs,
  ...(process.env.MULTIFLEET_SEED === undefined ? {} : { seed: Number(process.env.MULTIFLEET_SEED) }),
};
const history = fc.array(step, { maxLength: 120, size: "max" });

test("whatever comes in whatever order, each command is one that can be obeyed", () => {
  fc.assert(
    fc.property(history, fc.integer({ min: 1, max: 1e9 }), (steps, seed) => void play(steps, seed)),
    options,
  );
});

test("whatever has happened, a channel that works from now on delivers all that may go by it", () => {
  fc.assert(
    fc.property(history, fc.integer({ min: 1, max: 1e9 }), (steps, seed) => {
      const world = play(steps, seed);
      let answered = world.attempts.length;
      world.start(1, 7, 1e6);
      const mayGo = () =>
        [...world.pending.values()].filter(({ via }) => via === undefined || via === "http");
      for (let i = 0; i < 3_000 && mayGo().length > 0; i++) {
        for (; answered < world.attempts.length; answered++) {
          const { channel: name, id } = world.attempts[answered] as Attempt;
          if (name !== "http") continue;
          world.pass(1);
          world.report(answered, (attempt) => ({
            kind: "succeeded",
            attempt,
            effect: "delivers",
            answered: true,
          }));
          world.settle(id);
        }
        if (world.armed === undefined) break;
        world.pass(Math.max(0, Math.min(world.armed - world.now, 1e6)));
        world.fire();
      }
      expect(mayGo()).toEqual([]);
    }),
    options,
  );
});

test("the same history gives the same commands", () => {
  fc.assert(
    fc.property(history, fc.integer({ min: 1, max: 1e9 }), (steps, seed) => {
      expect(play(steps, seed).trace).toEqual(play(steps, seed).trace);
    }),
    { ...options, numRuns: Math.ceil(runs / 5) },
  );
});
