import type { ChannelErrorCode } from "@multifleet/core";
import { release, releaseTo, renewRetry } from "./backlog.js";
import { decisions } from "./decisions.js";
import { correctByLatency, pathsOf } from "./order.js";
import { retryWait } from "./retry.js";
import { isFresh } from "./attempt.js";
import type { Attempt, Job, State } from "./state.js";

/** A channel that stays silent this long, though it is tried, is down, in milliseconds. */
const longSilence = 5_000;
/** Waits of a channel that refused our credentials begin here: asking again soon would only lock us out. */
const deniedStep = 7;

/** An attempt succeeded: its channel is up, and what waited for it may go. */
export function prove(state: State, attempt: Attempt, job: Job | undefined): void {
  const { peer, path } = attempt;
  const { health } = path;
  const { now, time } = state.clock;
  const wasSound = health.sound;
  const { slow } = health;
  health.prove(now, time);
  // One good sample of a path that was set back for being slow is worth more than the old ones.
  if (attempt.test && slow && time - attempt.startedAt < (health.latency.median ?? 0) / 2)
    health.latency.clear();
  if (health.latency.add(time - attempt.startedAt)) correctByLatency(pathsOf(state, peer));
  if (path.opening.carrier.effect !== "wakes") {
    peer.limit = Math.min(state.settings.window, peer.limit * 2);
    if (path.opening.carrier.effect === "delivers") peer.wakes = 0;
  }
  state.dirty.add(peer);
  if (!wasSound) releaseTo(state, peer, health.channel);
  const lane = job?.forced === true ? job.lane : undefined;
  if (lane !== undefined) release(state, peer, lane);
  if (!wasSound || lane !== undefined) renewRetry(state, peer);
}

/** An attempt failed. What it says of its channel is in {@link decisions}. */
export function blame(state: State, attempt: Attempt, code: ChannelErrorCode, reason: string): void {
  const { health } = attempt.path;
  const decision = decisions[code];
  // It began before the channel came back: that is over.
  if (attempt.epoch !== health.epoch) return;
  if (code === "BUSY") {
    attempt.peer.limit = Math.max(1, attempt.peer.limit >> 1);
    if (health.sound || attempt.test) health.spare(state.clock.time, wait(state, attempt));
    return;
  }
  if (decision.health === "kept") return;
  if (decision.mayHaveLeft && isItsOwnFault(attempt)) return;
  if (code === "DENIED") health.tests = Math.max(health.tests, deniedStep);
  const to = code === "TIMEOUT" && isLongSilent(state, attempt) ? "down" : decision.health;
  fall(state, attempt, to, reason === "" ? code : `${code}: ${reason}`);
}

/** An attempt is silent for longer than its channel ever is. */
export function suspect(state: State, attempt: Attempt): void {
  attempt.judged = true;
  if (attempt.outlived || attempt.path.opening.carrier.effect === "wakes") return;
  const silence = Math.round(state.clock.time - attempt.startedAt);
  fall(state, attempt, isLongSilent(state, attempt) ? "down" : "suspect", `no answer for ${silence} ms`);
}

/** An attempt that was silent lost the race: twice in a row, its channel is suspect, however slow it is by nature. */
export function lose(state: State, attempt: Attempt): void {
  const { health } = attempt.path;
  if (isFresh(state, attempt) || attempt.judged || attempt.outlived || !health.sound) return;
  if (++health.strikes >= 2) suspect(state, attempt);
}

/** An attempt was given up. */
export function giveUp(state: State, attempt: Attempt): void {
  if (attempt.outlived || isItsOwnFault(attempt)) return;
  const { time } = state.clock;
  fall(state, attempt, "down", `no answer for ${Math.round((time - attempt.startedAt) / 1_000)} s`);
}

/** Whether a suspect channel was tried once more after a long time, in vain. */
function isLongSilent({ clock }: State, { test, path: { health } }: Attempt): boolean {
  return test && health.state === "suspect" && clock.time - health.suspectedAt >= longSilence;
}

function fall(state: State, attempt: Attempt, to: "suspect" | "down", reason: string): void {
  const { now, time } = state.clock;
  const { passes: pass } = attempt.peer;
  attempt.path.health.fall(to, reason, { now, time, pass, tested: attempt.test, wait: wait(state, attempt) });
  state.dirty.add(attempt.peer);
}

function wait(state: State, { path }: Attempt): number {
  return retryWait(path.health.tests, state.settings, state.random);
}

/** A message that fails where others have succeeded since it failed there before is to blame itself, from then on. */
function isItsOwnFault({ job, path: { health } }: Attempt): boolean {
  if (job === undefined) return false;
  const before = job.failures.find((failure) => failure.health === health);
  if (before === undefined) {
    job.failures.push({ health, proofs: health.proofs });
    return false;
  }
  return health.proofs !== before.proofs;
}
