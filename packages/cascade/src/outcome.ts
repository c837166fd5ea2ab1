import type { ChannelErrorCode, Effect } from "@multifleet/core";
import { abort, forget } from "./attempt.js";
import { park } from "./backlog.js";
import { laneOf } from "./choose.js";
import { decisions } from "./decisions.js";
import { blame, giveUp, prove, suspect } from "./evidence.js";
import { leave } from "./fifo.js";
import { finishOnce } from "./finish.js";
import { advance } from "./pass.js";
import type { Attempt, Job, State } from "./state.js";

/** How long verifying and keeping an answer may take before the message is taken up again, in milliseconds. */
const answerTime = 5_000;

/** A carrier says that it is done. Only a settlement ends the message. */
export function succeeded(state: State, attempt: Attempt, effect: Effect, answered: boolean): void {
  const { job } = attempt;
  const { clock, settings, timers } = state;
  forget(state, attempt);
  prove(state, attempt, job);
  if (job === undefined) return;
  if (job.shipment.mode === "once") return finishOnce(state, job, effect);
  if (effect !== "wakes") job.taken = true;
  if (effect === "delivers") {
    job.answered = answered;
    // Its receipt comes by another way, or has been lost.
    if (job.active) timers.set(job.step, clock.time + (answered ? answerTime : settings.hedgeMost));
    return;
  }
  if (effect === "stores") {
    job.stored.push(attempt.path.opening);
    job.storedAt = clock.time;
  }
  if (job.active) advance(state, job, "retry");
}

/** A channel could not carry the message: the next is started in the same turn. */
export function failed(state: State, attempt: Attempt, code: ChannelErrorCode, reason: string): void {
  const { job, path, peer } = attempt;
  forget(state, attempt);
  blame(state, attempt, code, reason);
  if (job === undefined) return;
  const { mayHaveLeft, again } = decisions[code];
  if (mayHaveLeft && path.opening.carrier.effect !== "wakes") job.taken = true;
  if (!again) {
    const at = job.refused.findIndex(({ opening }) => opening === path.opening);
    // A door that has just said hello may know more than it did.
    const refusal = { opening: path.opening, hellos: code === "REFUSED" ? peer.hellos : -1 };
    job.refused.splice(at < 0 ? job.refused.length : at, 1, refusal);
  }
  goOn(state, job);
}

/** The medium of an attempt is gone, or it is taken for lost: the next is started, while this one may still answer. */
export function outpace(state: State, attempt: Attempt): void {
  attempt.overdueAt = Math.min(attempt.overdueAt, state.clock.time);
  if (attempt.job !== undefined) goOn(state, attempt.job);
}

/** An attempt's timer fired: first its silence is judged, in the end it is given up. */
export function onSilence(state: State, attempt: Attempt): void {
  const { job } = attempt;
  if (!attempt.judged && attempt.deadlineAt > state.clock.time) {
    suspect(state, attempt);
    if (job === undefined) abort(state, attempt);
    else state.timers.set(attempt.timer, attempt.deadlineAt);
    return;
  }
  giveUp(state, attempt);
  abort(state, attempt);
  if (job === undefined) return;
  job.misses++;
  goOn(state, job);
}

/** A message's step is due: a silence has lasted long enough, or a wait is over. */
export function onStep(state: State, job: Job): void {
  if (job.active && !job.answered) return advance(state, job, "hedge");
  job.answered = false;
  if (job.active) return park(state, job, laneOf(state, job));
  leave(job);
  job.peer.ready.push(job);
  state.dirty.add(job.peer);
}

function goOn(state: State, job: Job): void {
  if (job.active && !job.answered) advance(state, job, "fallback");
}
