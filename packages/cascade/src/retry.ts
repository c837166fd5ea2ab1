import type { Settings } from "./settings.js";

/** The shortest wait: a retry is never in the same turn as what caused it. In milliseconds. */
const shortest = 5;

/** How long until retry number `step` (from 0): full jitter, so that a hundred nodes that lost one peer do not come back as one. */
export function retryWait(step: number, settings: Settings, random: () => number): number {
  const most = Math.min(settings.retryMost, settings.retryFirst * 2 ** Math.min(step, 20));
  return Math.min(settings.retryMost, Math.max(shortest, random() * most));
}
