import type { Effect } from "@multifleet/core";
import type { Health } from "./health.js";
import type { Path, Peer, State } from "./state.js";

const place: Readonly<Record<Effect, number>> = { delivers: 0, stores: 1, wakes: 2 };

function standing(health: Health): number {
  if (health.sound) return 0;
  return health.state === "down" ? 2 : 1;
}

/** The order of trying: by effect, then by health, then the cheapest. */
function compare(a: Path, b: Path): number {
  const { effect, rank, name } = a.opening.carrier;
  const other = b.opening.carrier;
  return (
    place[effect] - place[other.effect] ||
    standing(a.health) - standing(b.health) ||
    Number(a.health.slow) - Number(b.health.slow) ||
    rank - other.rank ||
    (name < other.name ? -1 : 1)
  );
}

/** The open channels as paths to a peer, best first. Valid until the next change of health. */
export function pathsOf(state: State, peer: Peer): readonly Path[] {
  const { paths } = peer;
  if (peer.pathsOf !== state.changes) {
    peer.pathsOf = state.changes;
    paths.length = 0;
    for (const opening of state.openings.values()) {
      const { name } = opening.carrier;
      const known = peer.health.has(name);
      const health = peer.healthOf(name);
      if (!known && opening.down !== undefined) {
        const { since, reason } = opening.down;
        const { time } = state.clock;
        const { passes: pass } = peer;
        health.fall("down", reason, {
          now: since,
          time,
          pass,
          tested: true,
          wait: state.settings.retryFirst,
        });
      }
      paths.push({ opening, health });
    }
  }
  // Nearly always in order already, and short.
  for (let i = 1; i < paths.length; i++) {
    const path = paths[i] as Path;
    let at = i;
    for (; at > 0 && compare(paths[at - 1] as Path, path) > 0; at--) paths[at] = paths[at - 1] as Path;
    paths[at] = path;
  }
  return paths;
}

/**
 * Rank is the prior. A median that is clearly worse than the best of the sound ones sets a path back, and only one that is nearly as good
 * brings it forward again, so that two like paths never take turns.
 */
export function correctByLatency(paths: readonly Path[]): void {
  let best = Infinity;
  for (const { opening, health } of paths) {
    if (opening.carrier.effect !== "delivers" || !health.sound || !health.latency.telling) continue;
    best = Math.min(best, health.latency.median ?? Infinity);
  }
  for (const { opening, health } of paths) {
    const { median, telling } = health.latency;
    if (opening.carrier.effect !== "delivers" || median === undefined) continue;
    if (!telling || best === Infinity) health.slow = false;
    else health.slow = health.slow ? median > 1.5 * best + 5 : median > 2 * best + 10;
  }
}
