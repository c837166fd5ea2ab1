import type { NodeId } from "@multifleet/core";
import { Clock } from "./clock.js";
import type { Cascade, ChannelHealth, Command, Input, Shipment } from "./contract.js";
import { drain, retry } from "./drain.js";
import { expire, finishOnce, settle } from "./finish.js";
import { Heap } from "./heap.js";
import { failed, onSilence, onStep, succeeded } from "./outcome.js";
import { closed, heard, medium, opened } from "./recovery.js";
import { defaultSettings, type Settings } from "./settings.js";
import { Job, peerOf, type State, type Timer } from "./state.js";

/** How many messages one input may begin; a longer queue goes on in the next turn, so that no input is slow. */
const mostBegun = 256;

/**
 * Makes a decision maker that knows nothing yet.
 *
 * @param options.random From 0 to below 1, as Math.random: spreads retries.
 */
export function createCascade(options: {
  readonly random: () => number;
  readonly settings?: Partial<Settings>;
}): Cascade {
  const state: State = {
    settings: { ...defaultSettings, ...options.settings },
    random: options.random,
    clock: new Clock(),
    timers: new Heap(),
    expiries: new Heap(),
    openings: new Map(),
    changes: 0,
    peers: new Map(),
    jobs: new Map(),
    attempts: new Map(),
    attemptsMade: 0,
    peersWithJobs: 0,
    dirty: new Set(),
    turn: 0,
    commands: [],
  };
  /** What the engine's timer is set to, on the wall clock. */
  let armed: number | undefined;

  function handle(input: Input, now: number): Command[] {
    const { clock, timers, expiries, dirty } = state;
    state.commands = [];
    state.turn = mostBegun;
    const fired = input.kind === "timer";
    if (fired) armed = undefined;
    clock.advance(now, timers.first?.at, fired);
    take(state, input);
    for (let due = expiries.first; due !== undefined && due.at <= clock.now; due = expiries.first) {
      expire(state, due.job);
    }
    for (let due = timers.first; due !== undefined && due.at <= clock.time; due = timers.first) {
      timers.drop(due);
      ring(state, due);
    }
    for (const peer of dirty) {
      dirty.delete(peer);
      drain(state, peer);
    }
    const arm = nextArm();
    return arm === undefined ? state.commands : [arm, ...state.commands];
  }

  /** A timer that rings too early is armed again then, which costs less than moving it for every message. */
  function nextArm(): Command | undefined {
    const { clock, timers, expiries } = state;
    const wait = timers.first === undefined ? Infinity : Math.ceil(clock.wall(timers.first.at));
    const next = Math.min(wait, expiries.first?.at ?? Infinity);
    if (next === Infinity) {
      if (armed === undefined) return undefined;
      armed = undefined;
    } else {
      if (armed !== undefined && armed <= next) return undefined;
      armed = Math.max(next, clock.now);
    }
    return { kind: "arm", at: armed };
  }

  function health(id: NodeId, among?: readonly string[]): readonly ChannelHealth[] {
    const peer = state.peers.get(id);
    const list: ChannelHealth[] = [];
    for (const { carrier, down } of state.openings.values()) {
      if (among?.includes(carrier.name) === false || !carrier.reaches(id)) continue;
      const known = peer?.health.get(carrier.name);
      if (known !== undefined) list.push(known.view());
      else {
        const channel = carrier.name;
        list.push(
          down === undefined
            ? { channel, state: "unknown", since: 0, reason: "", latency: undefined }
            : { channel, state: "down", ...down, latency: undefined },
        );
      }
    }
    return list;
  }

  return {
    handle,
    health,
    get load() {
      return { shipments: state.jobs.size, peers: state.peersWithJobs };
    },
  };
}

function take(state: State, input: Input): void {
  switch (input.kind) {
    case "opened":
      return opened(state, input.carrier);
    case "closed":
      return closed(state, input.channel, input.reason);
    case "submit":
      return submit(state, input.shipment);
    case "succeeded": {
      const attempt = state.attempts.get(input.attempt);
      if (attempt !== undefined) succeeded(state, attempt, input.effect, input.answered);
      return;
    }
    case "failed": {
      const attempt = state.attempts.get(input.attempt);
      if (attempt !== undefined) failed(state, attempt, input.code, input.reason);
      return;
    }
    case "settled": {
      const job = state.jobs.get(input.id);
      if (job?.shipment.mode === "once") finishOnce(state, job, "delivers");
      else if (job !== undefined) settle(state, job);
      return;
    }
    case "medium":
      return medium(state, input.channel, input.peer, input.state, input.reason);
    case "heard":
      return heard(state, input.channel, input.peer, input.hello);
    case "timer":
      return;
  }
}

function submit(state: State, shipment: Shipment): void {
  if (state.jobs.has(shipment.id)) return;
  const peer = peerOf(state, shipment.to);
  const job = new Job(shipment, peer, state.clock.time);
  state.jobs.set(shipment.id, job);
  if (peer.jobs++ === 0) state.peersWithJobs++;
  if (!(shipment.expires > state.clock.now)) return expire(state, job);
  state.expiries.set(job.expiry, shipment.expires);
  (shipment.mode === "once" ? peer.readyOnce : peer.ready).push(job);
  state.dirty.add(peer);
}

function ring(state: State, timer: Timer): void {
  switch (timer.kind) {
    case "step":
      return onStep(state, timer.job);
    case "attempt":
      return onSilence(state, timer.attempt);
    case "retry":
      return retry(state, timer.peer);
    case "more":
      state.dirty.add(timer.peer);
      return;
  }
}
