import type { Effect } from "@multifleet/core";
import { abort } from "./attempt.js";
import { deactivate } from "./backlog.js";
import { lose } from "./evidence.js";
import { leave } from "./fifo.js";
import type { Job, State } from "./state.js";

/** The message is settled: whatever else carries it is ended, save a test whose time is not over. */
export function settle(state: State, job: Job): void {
  for (const attempt of [...job.attempts]) {
    const { effect } = attempt.path.opening.carrier;
    if (attempt.test && effect === "delivers" && state.clock.time < attempt.suspectAt)
      attempt.job = undefined;
    else {
      lose(state, attempt);
      abort(state, attempt);
    }
  }
  remove(state, job);
}

/** A message that is sent once is over. */
export function finishOnce(state: State, job: Job, carried: Effect | undefined): void {
  settle(state, job);
  state.commands.push({ kind: "done", id: job.shipment.id, carried });
}

/** The message's time is over. */
export function expire(state: State, job: Job): void {
  const { id, mode } = job.shipment;
  for (const attempt of [...job.attempts]) abort(state, attempt);
  remove(state, job);
  if (mode === "once") state.commands.push({ kind: "done", id, carried: undefined });
  else state.commands.push({ kind: "expired", id, doubtful: job.taken });
}

function remove(state: State, job: Job): void {
  const { peer } = job;
  leave(job);
  deactivate(state, job);
  job.attempts.length = 0;
  state.timers.drop(job.step);
  state.expiries.drop(job.expiry);
  state.jobs.delete(job.shipment.id);
  if (--peer.jobs > 0) return;
  state.peersWithJobs--;
  peer.lanes.clear();
  state.timers.drop(peer.retry);
  state.timers.drop(peer.more);
}
