import type { Command } from "./contract.js";
import { isFresh, start } from "./attempt.js";
import { park } from "./backlog.js";
import { choose, laneOf, nextChance, partner } from "./choose.js";
import { expire, finishOnce } from "./finish.js";
import type { Job, State } from "./state.js";

type Why = Extract<Command, { kind: "start" }>["why"];

/** Begins a pass of a message over its channels. `forced`: a retry, which a path's doubts do not hold up. */
export function begin(state: State, job: Job, forced: boolean): void {
  const { peer, shipment } = job;
  job.active = true;
  job.forced = forced;
  job.tried.length = 0;
  if (shipment.mode === "once") peer.activeOnce++;
  else {
    peer.active++;
    peer.passes++;
  }
  if (!(shipment.expires > state.clock.now)) return expire(state, job);
  const first = choose(state, job);
  const why = job.passes++ === 0 ? "first" : "retry";
  if (first === undefined) return pause(state, job);
  if (first.opening.carrier.effect === "delivers") job.since = state.clock.time;
  start(state, job, first, why, !first.health.sound);
  const second = shipment.mode === "once" ? undefined : partner(state, job, first);
  if (second !== undefined) start(state, job, second, "race", true);
  setStep(state, job);
}

/** What was started is silent or has failed: starts the next, unless an answer may still be expected. */
export function advance(state: State, job: Job, why: Why): void {
  if (!(job.shipment.expires > state.clock.now)) return expire(state, job);
  // One that only tries a path in doubt is nothing to wait for.
  if (job.attempts.some((attempt) => !attempt.test && isFresh(state, attempt))) return setStep(state, job);
  const path = choose(state, job);
  if (path === undefined) return pause(state, job);
  start(state, job, path, why, !path.health.sound);
  setStep(state, job);
}

/** Nothing is left to start now. */
function pause(state: State, job: Job): void {
  if (job.attempts.some((attempt) => isFresh(state, attempt))) return setStep(state, job);
  const next = nextChance(state, job);
  if (next === undefined) state.timers.drop(job.step);
  else state.timers.set(job.step, next);
  if (job.shipment.mode === "until-receipt") return park(state, job, laneOf(state, job));
  if (next === undefined && job.attempts.length === 0) finishOnce(state, job, undefined);
}

/** The step is due when the first of those that may still answer has been silent for too long. */
function setStep(state: State, job: Job): void {
  let next = Infinity;
  for (const attempt of job.attempts) if (isFresh(state, attempt)) next = Math.min(next, attempt.overdueAt);
  if (next === Infinity) state.timers.drop(job.step);
  else state.timers.set(job.step, next);
}
