import type { NodeId } from "@multifleet/core";
import { release } from "./backlog.js";
import type { Carrier } from "./contract.js";
import { retry } from "./drain.js";
import type { Health } from "./health.js";
import { failed, outpace } from "./outcome.js";
import { retryWait } from "./retry.js";
import { peerOf, type Opening, type Peer, type State } from "./state.js";

/** How many doublings of an echo's wait are counted. */
const mostEchoes = 16;

/** A channel was opened: what was known of it may be over. */
export function opened(state: State, carrier: Carrier): void {
  closed(state, carrier.name, "opened again");
  state.openings.set(carrier.name, { carrier, flying: new Set(), down: undefined });
  state.changes++;
  for (const peer of state.peers.values()) {
    const health = peer.health.get(carrier.name);
    if (health !== undefined && !health.sound) revive(state, health, "unknown", "opened");
    release(state, peer, "");
    recover(state, peer);
  }
}

/** A channel is open no more. The ends of its attempts, told later, change nothing. */
export function closed(state: State, name: string, reason: string): void {
  const opening = state.openings.get(name);
  if (opening === undefined) return;
  state.openings.delete(name);
  state.changes++;
  for (const peer of state.peers.values()) {
    const health = peer.health.get(name);
    if (health !== undefined) mediumDown(state, peer, health, `closed: ${reason}`);
    state.dirty.add(peer);
  }
  for (const attempt of opening.flying) failed(state, attempt, "CLOSED", reason);
}

/** The medium itself said something, of one peer or of all. */
export function medium(
  state: State,
  channel: string,
  id: NodeId | undefined,
  said: "up" | "down",
  reason: string,
): void {
  const opening = state.openings.get(channel);
  if (opening === undefined) return;
  const { now } = state.clock;
  if (id === undefined) opening.down = said === "down" ? { since: now, reason } : undefined;
  const peers = id === undefined ? state.peers.values() : [peerOf(state, id)];
  for (const peer of peers) {
    const health = peer.health.get(channel) ?? (id === undefined ? undefined : peer.healthOf(channel));
    if (health === undefined) continue;
    if (said === "down") mediumDown(state, peer, health, reason);
    else {
      if (!health.sound) revive(state, health, "unknown", reason);
      recover(state, peer);
    }
    state.dirty.add(peer);
  }
  if (said === "down") overtake(state, opening, id);
}

/** A genuine packet of `peer` came in by `channel`; `hello` announces that it is back. */
export function heard(state: State, channel: string, id: NodeId, hello: boolean): void {
  const peer = peerOf(state, id);
  const health = state.openings.has(channel) ? peer.healthOf(channel) : undefined;
  const news = health !== undefined && listen(state, health, hello);
  if (hello) {
    peer.hellos++;
    peer.wakes = 0;
    release(state, peer, "");
  }
  if (hello || news) recover(state, peer);
}

/** @returns Whether it is news that the channel works. */
function listen(state: State, health: Health, hello: boolean): boolean {
  const { now, time } = state.clock;
  const { settings } = state;
  if (health.sound) {
    const news = health.state !== "up";
    if (news) health.overhear(now);
    return news;
  }
  // A peer that we hear and cannot reach, as behind a NAT, must not cost every message a vain attempt.
  if (!hello && time < health.echoAt) return false;
  if (!hello) {
    const wait = Math.min(settings.retryMost, settings.retryFirst * 2 ** health.echoes);
    health.echoes = Math.min(health.echoes + 1, mostEchoes);
    health.echoAt = time + wait;
  }
  health.revive("up", now, time, hello ? "hello" : "heard");
  return true;
}

/** Whatever may have changed, it is tried now, and retries begin anew. */
function recover(state: State, peer: Peer): void {
  const before = state.attemptsMade;
  peer.retries = 0;
  peer.quietUntil = 0;
  retry(state, peer);
  state.dirty.add(peer);
  if (state.attemptsMade > before || peer.retry.slot < 0) return;
  // All of it is under way: what does not answer now is sent again.
  peer.quietUntil = state.clock.time + state.settings.hedgeMost;
  state.timers.set(peer.retry, peer.quietUntil);
}

function revive(state: State, health: Health, to: "unknown", reason: string): void {
  health.tests = 0;
  health.revive(to, state.clock.now, state.clock.time, reason);
}

function mediumDown(state: State, peer: Peer, health: Health, reason: string): void {
  const { now, time } = state.clock;
  const wait = retryWait(health.tests, state.settings, state.random);
  health.fall("down", reason, { now, time, pass: peer.passes, tested: true, wait });
}

/** What is under way by a medium that is gone is not waited for. */
function overtake(state: State, opening: Opening, id: NodeId | undefined): void {
  for (const attempt of [...opening.flying]) {
    if (id !== undefined && attempt.peer.id !== id) continue;
    if (state.attempts.has(attempt.number)) outpace(state, attempt);
  }
}
