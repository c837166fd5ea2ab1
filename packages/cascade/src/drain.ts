import { armRetry } from "./backlog.js";
import type { Fifo } from "./fifo.js";
import { pathsOf } from "./order.js";
import { begin } from "./pass.js";
import type { Job, Peer, State } from "./state.js";

/** How many messages of a lane are looked at for one that can be tried. */
const mostTried = 4;
/** The step of the waits while everything that was tried is still silent. */
const stillWaiting = 3;

/** Begins what waits for a peer, in order, as far as there is room. */
export function drain(state: State, peer: Peer): void {
  const { window } = state.settings;
  while (!peer.readyOnce.empty && peer.activeOnce < window && state.turn > 0) {
    const job = peer.readyOnce.shift();
    state.turn--;
    if (job !== undefined) begin(state, job, true);
  }
  while (!peer.ready.empty && peer.flying < 2 * window && state.turn > 0) {
    const known = hasSound(state, peer);
    if (!known) peer.limit = 1;
    if (peer.active >= peer.limit) return;
    // Nothing is known to work: one message finds out, unless that was tried in vain just now.
    if (!known && state.clock.time < peer.quietUntil) return armRetry(state, peer);
    const job = peer.ready.shift();
    state.turn--;
    if (job !== undefined) begin(state, job, !known);
  }
  if (state.turn <= 0 && !(peer.ready.empty && peer.readyOnce.empty)) {
    state.timers.set(peer.more, state.clock.time + 1);
  }
}

/** The peer's retry: one message of each lane goes out; what it finds out holds for the others. */
export function retry(state: State, peer: Peer): void {
  state.timers.drop(peer.retry);
  if (peer.jobs === 0) return;
  const before = state.attemptsMade;
  for (const lane of [...peer.lanes.keys()]) {
    const made = state.attemptsMade;
    // One whose last attempt is still silent may have nothing to start.
    for (let i = 0; i < mostTried && state.attemptsMade === made; i++) {
      tryOne(state, peer, peer.lanes.get(lane));
    }
    if (peer.lanes.get(lane)?.empty === true) peer.lanes.delete(lane);
  }
  if (!hasSound(state, peer)) tryOne(state, peer, peer.ready);
  // What is still silent will be over soon; only what was tried in vain makes the next wait longer.
  if (state.attemptsMade === before && peer.flying > 0) peer.retries = Math.min(peer.retries, stillWaiting);
  if (peer.lanes.size > 0 || !peer.ready.empty) armRetry(state, peer);
}

function tryOne(state: State, peer: Peer, queue: Fifo<Job> | undefined): void {
  if (peer.flying >= 4 * state.settings.window) return;
  const job = queue?.shift();
  if (job !== undefined) begin(state, job, true);
}

function hasSound(state: State, peer: Peer): boolean {
  return pathsOf(state, peer).some(
    ({ opening: { carrier }, health }) =>
      carrier.effect !== "wakes" && health.sound && carrier.reaches(peer.id),
  );
}
