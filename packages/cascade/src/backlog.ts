import { Fifo, leave } from "./fifo.js";
import { retryWait } from "./retry.js";
import type { Job, Peer, State } from "./state.js";

/** Lets a message wait for the next retry, with those that the same channels could take. */
export function park(state: State, job: Job, lane: string): void {
  const { peer } = job;
  deactivate(state, job);
  leave(job);
  let queue = peer.lanes.get(lane);
  if (queue === undefined) peer.lanes.set(lane, (queue = new Fifo()));
  queue.push(job);
  job.lane = lane;
  armRetry(state, peer);
}

/** Sets the peer's one retry timer, unless it is set. */
export function armRetry(state: State, peer: Peer): void {
  if (peer.retry.slot >= 0 || peer.jobs === 0) return;
  const { time } = state.clock;
  if (peer.quietUntil <= time) {
    peer.quietUntil = time + retryWait(peer.retries++, state.settings, state.random);
  }
  state.timers.set(peer.retry, peer.quietUntil);
}

/** Something works again: retries begin anew, and soon. */
export function renewRetry(state: State, peer: Peer): void {
  peer.retries = 0;
  peer.quietUntil = 0;
  state.timers.drop(peer.retry);
  if (peer.lanes.size > 0) armRetry(state, peer);
}

/** What was found out for one of a lane holds for all of it: they go as soon as there is room. */
export function release(state: State, peer: Peer, lane: string): void {
  const queue = peer.lanes.get(lane);
  if (queue === undefined) return;
  peer.lanes.delete(lane);
  peer.ready.prepend(queue);
  state.dirty.add(peer);
}

/** The same for every lane that `channel` could take. */
export function releaseTo(state: State, peer: Peer, channel: string): void {
  for (const lane of peer.lanes.keys()) if (lane.includes(` ${channel} `)) release(state, peer, lane);
}

/** The message is no longer under way, so that another may be. */
export function deactivate(state: State, job: Job): void {
  if (!job.active) return;
  job.active = false;
  if (job.shipment.mode === "once") job.peer.activeOnce--;
  else job.peer.active--;
  state.dirty.add(job.peer);
}
