import type { Command } from "./contract.js";
import { inFlight } from "./choose.js";
import { allowance, patience, suspicion } from "./hedge.js";
import { Attempt, type Job, type Path, type State } from "./state.js";

type Why = Extract<Command, { kind: "start" }>["why"];

/** Starts a message on a path. `test`: also to learn whether the path is any good, so that it outlives its message. */
export function start(state: State, job: Job, path: Path, why: Why, test: boolean): void {
  const { clock, settings } = state;
  const { health, opening } = path;
  const { effect, name } = opening.carrier;
  const { size, expires, id, to } = job.shipment;
  const lost = inFlight(job, path);
  if (lost !== undefined) abort(state, lost);

  // A path that was lost may have to connect first.
  const borne = test ? settings.hedgeMost : patience(path, size, settings);
  const times = {
    now: clock.time,
    overdue: clock.time + borne,
    suspect: clock.time + Math.max(borne, suspicion(path, size, settings)),
    deadline: clock.time + allowance(path, size, job.misses, settings),
  };
  const attempt = new Attempt(++state.attemptsMade, job, path, times, test);
  job.attempts.push(attempt);
  job.tried.push({ health, epoch: health.epoch });
  job.peer.flying++;
  opening.flying.add(attempt);
  state.attempts.set(attempt.number, attempt);
  state.timers.set(attempt.timer, Math.min(attempt.suspectAt, attempt.deadlineAt));
  if (test) {
    health.testUntil = attempt.overdueAt;
    health.testedAt = clock.time;
    health.testedPass = job.peer.passes;
  }
  if (effect === "wakes") {
    job.peer.wokenAt = clock.time;
    job.peer.wakes++;
  }
  const deadline = Math.min(Math.ceil(clock.wall(attempt.deadlineAt)), expires);
  state.commands.push({ kind: "start", attempt: attempt.number, id, to, channel: name, deadline, why });
}

/** Whether an answer may still be expected of it. */
export function isFresh(state: State, attempt: Attempt): boolean {
  return attempt.overdueAt > state.clock.time;
}

/** An attempt is over: nothing that is said of it later counts. */
export function forget(state: State, attempt: Attempt): void {
  const { job, path, peer } = attempt;
  if (!state.attempts.delete(attempt.number)) return;
  state.timers.drop(attempt.timer);
  path.opening.flying.delete(attempt);
  peer.flying--;
  if (attempt.test) path.health.testUntil = 0;
  if (job !== undefined) job.attempts.splice(job.attempts.indexOf(attempt), 1);
}

/** Ends an attempt that is of no more use. What it sent may have arrived. */
export function abort(state: State, attempt: Attempt): void {
  if (attempt.job !== undefined && attempt.path.opening.carrier.effect !== "wakes") attempt.job.taken = true;
  forget(state, attempt);
  state.commands.push({ kind: "abort", attempt: attempt.number });
}
