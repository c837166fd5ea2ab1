import type { Path } from "./state.js";
import type { Settings } from "./settings.js";

/** What a large packet takes beyond a small one before one wonders, in bytes per millisecond (32 Mbit/s). */
const quick = 4_096;
/** The slowest line on which an attempt may still finish, in bytes per millisecond (256 kbit/s). */
const slowest = 32;
/** How often a missed deadline doubles the next. */
const mostDoublings = 4;

/** How long silence is borne before the next channel is started. */
export function patience({ opening, health }: Path, size: number, settings: Settings): number {
  const { hedgeFloor, hedgeLan, hedgeWan, hedgeMost, lanMedian } = settings;
  const { p95, median } = health.latency;
  const large = size / quick;
  if (opening.carrier.effect !== "delivers") {
    return p95 === undefined ? hedgeMost : within(1.5 * p95 + large, hedgeLan, 8 * hedgeMost);
  }
  if (p95 === undefined || median === undefined) return Math.min(hedgeWan + large, hedgeMost);
  // A path whose answers as a rule take longer than the limit would be hedged for every message.
  const most = median <= lanMedian ? hedgeLan : Math.max(hedgeWan, Math.min(1.1 * p95, hedgeMost));
  return Math.min(within(1.5 * p95, hedgeFloor, most) + large, hedgeMost);
}

/** How long silence is borne before it speaks against the channel: a path that is slow by nature is not suspect. */
export function suspicion(path: Path, size: number, settings: Settings): number {
  const usual = (path.health.latency.p95 ?? 0) * 1.5 + size / quick;
  return Math.max(patience(path, size, settings), usual);
}

/** How long an attempt may take at all. */
export function allowance(path: Path, size: number, misses: number, settings: Settings): number {
  const least = path.opening.carrier.effect === "delivers" ? settings.attemptTime : settings.storeTime;
  const usual = 10 * (path.health.latency.p95 ?? 0);
  return Math.max(least, Math.min(usual, 6 * least)) * 2 ** Math.min(misses, mostDoublings) + size / slowest;
}

function within(value: number, least: number, most: number): number {
  return Math.min(Math.max(value, least), most);
}
