import type { Attempt, Job, Path, State } from "./state.js";
import { pathsOf } from "./order.js";

/** Messages that pass before a better channel that is down is tried again beside a sound one, unless the longest wait is over. */
const testEvery = 10;
const testAtMost = 28_000;
/** The same for one that is only suspect: it is soon to be known whether it is down. */
const judgeEvery = 4;
/** Messages that pass, and the time, before one that is only slower is measured again. */
const measureEvery = 64;
const measureAtLeast = 60_000;

/** Whether a message may go by a path at all: it leads there, takes that size, is the one asked for, and has not turned it away. */
export function fits({ shipment, peer, refused, stored }: Job, { opening }: Path): boolean {
  const { carrier } = opening;
  const { via } = shipment;
  if (typeof via === "string" ? via !== carrier.name : via?.includes(carrier.name) === false) return false;
  if (shipment.size > carrier.maxFrameBytes) return false;
  if (carrier.effect === "wakes" && shipment.mode === "once") return false;
  for (const refusal of refused) {
    if (refusal.opening === opening && (refusal.hellos < 0 || refusal.hellos === peer.hellos)) return false;
  }
  if (stored.includes(opening)) return false;
  return carrier.reaches(peer.id);
}

/** The path to start next on this pass; undefined when nothing is left that may start now. */
export function choose(state: State, job: Job, only?: "delivers"): Path | undefined {
  for (const path of pathsOf(state, job.peer)) {
    const { effect } = path.opening.carrier;
    if (only !== undefined && effect !== only) return undefined;
    if (!isOpen(state, job, path) || !fits(job, path)) continue;
    if (effect === "delivers") return path;
    if (effect === "stores" ? mayStore(state, job) : mayWake(state, job)) return path;
  }
  return undefined;
}

/** A second path to start together with the first: another where the best is in doubt, or a better one that may be back. */
export function partner(state: State, job: Job, first: Path): Path | undefined {
  const { rank, effect } = first.opening.carrier;
  if (effect !== "delivers") return undefined;
  if (!first.health.sound) {
    const second = first.health.state === "down" ? undefined : choose(state, job, "delivers");
    return second?.health.state === "down" ? undefined : second;
  }
  const { time } = state.clock;
  for (const path of pathsOf(state, job.peer)) {
    const { carrier } = path.opening;
    if (carrier.effect !== "delivers") return undefined;
    const { health } = path;
    if (path === first || carrier.rank >= rank || time < health.testUntil) continue;
    const messages = job.peer.passes - health.testedPass;
    const waited = time - health.testedAt;
    const enough = health.state === "suspect" ? judgeEvery : testEvery;
    const due = health.sound
      ? messages >= measureEvery && waited >= measureAtLeast
      : (messages >= enough && time >= health.testAt) || waited >= testAtMost;
    if (due && inFlight(job, path) === undefined && fits(job, path)) return path;
  }
  return undefined;
}

/** When a wait ends that alone keeps the message from a store, a wake-up or a second try; undefined when there is none. */
export function nextChance(state: State, job: Job): number | undefined {
  const { time } = state.clock;
  const { hedgeMost, receiptWait } = state.settings;
  let next: number | undefined;
  for (const path of pathsOf(state, job.peer)) {
    const { effect } = path.opening.carrier;
    let at = 0;
    if (effect === "delivers") {
      const running = path.health.sound ? inFlight(job, path) : undefined;
      if (running !== undefined) at = lostAt(state, running, path);
    } else if (isOpen(state, job, path) && fits(job, path)) {
      if (effect === "stores") at = job.storedAt + receiptWait;
      if ((effect === "stores" || mayWakeNow(state, job)) && hopes(state, job)) {
        at = Math.max(at, job.since + hedgeMost);
      }
    }
    if (at > time && (next === undefined || at < next)) next = at;
  }
  return next;
}

/** The channels that could take the message if all went well, as the name of a lane. */
export function laneOf(state: State, job: Job): string {
  let lane = "";
  for (const path of pathsOf(state, job.peer)) if (fits(job, path)) lane += ` ${path.health.channel} `;
  return lane;
}

/** The attempt of this message that is under way by `path`. */
export function inFlight({ attempts }: Job, { health }: Path): Attempt | undefined {
  return attempts.find((attempt) => attempt.path.health === health);
}

/** Whether the path's health and what was tried on this pass let the message try it now. */
function isOpen(state: State, job: Job, path: Path): boolean {
  const { health } = path;
  const { time } = state.clock;
  for (const tried of job.tried) if (tried.health === health && tried.epoch === health.epoch) return false;
  const running = inFlight(job, path);
  if (running !== undefined) {
    if (!running.outlived || time < lostAt(state, running, path)) return false;
  }
  if (health.sound || job.shipment.mode === "once") return true;
  if (path.opening.carrier.effect === "wakes") return true;
  return time >= health.testUntil && (job.forced || time >= health.testAt);
}

/** From when on an attempt counts as lost, where its channel has answered others since. What came back gets a moment to answer what it holds. */
function lostAt({ settings }: State, { startedAt, overdueAt }: Attempt, { health }: Path): number {
  return Math.max(startedAt + settings.hedgeMost, overdueAt, health.recoveredAt + settings.hedgeLan);
}

/** A store is written once, when nothing that delivers can be hoped for any more, and the last one has had time to bring a receipt. */
function mayStore(state: State, job: Job): boolean {
  const { time } = state.clock;
  const { receiptWait } = state.settings;
  if (time < job.storedAt + receiptWait) return false;
  return isPatientEnough(state, job);
}

/** A machine is woken when no channel delivers to it, and seldom. */
function mayWake(state: State, job: Job): boolean {
  return mayWakeNow(state, job) && isPatientEnough(state, job);
}

function mayWakeNow(state: State, { peer }: Job): boolean {
  const gap = Math.max(30_000, state.settings.wakeGap * 2 ** Math.min(peer.wakes, 4));
  if (state.clock.time < peer.wokenAt + gap) return false;
  return !pathsOf(state, peer).some(
    ({ opening: { carrier }, health }) =>
      carrier.effect === "delivers" && (health.sound || health.state === "up") && carrier.reaches(peer.id),
  );
}

function isPatientEnough(state: State, job: Job): boolean {
  return state.clock.time >= job.since + state.settings.hedgeMost || !hopes(state, job);
}

/** Whether an answer may still come, or a path that delivers may still turn out well. */
function hopes(state: State, job: Job): boolean {
  if (job.attempts.some(({ path }) => path.opening.carrier.effect === "delivers")) return true;
  return pathsOf(state, job.peer).some(
    (path) =>
      path.opening.carrier.effect === "delivers" &&
      path.health.state !== "down" &&
      !job.tried.some(({ health }) => health === path.health) &&
      fits(job, path),
  );
}
