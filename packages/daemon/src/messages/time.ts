import { Problem } from "../problem.js";

const units: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
};
/** The longest a message may wait, in milliseconds: a year. */
const longest = 366 * 86_400_000;

/** Milliseconds of a duration such as `90s`, `1h`, `7d` or `250ms`; undefined when it is not one. */
export function parseDuration(text: string): number | undefined {
  const match = /^(\d{1,9})(ms|s|m|h|d|w)$/.exec(text);
  return match === null ? undefined : Number(match[1]) * (units[match[2] ?? ""] ?? Number.NaN);
}

/** The end of a message's life as milliseconds since the epoch. @throws Problem */
export function parseExpiry(text: string | undefined, type: string, now: number): number {
  // Messages 7 days, tasks 1 hour: a task that is run a week late is seldom what one wanted.
  if (text === undefined) return now + (type === "task" ? 3_600_000 : 7 * 86_400_000);
  const duration = parseDuration(text);
  const at = duration === undefined ? Date.parse(text) : now + duration;
  if (Number.isNaN(at)) {
    throw new Problem(
      "bad_request",
      `expires is ${JSON.stringify(text)}: use a duration such as 90s, 1h or 7d, or an RFC 3339 time`,
    );
  }
  if (at <= now)
    throw new Problem("bad_request", `expires is ${JSON.stringify(text)}: that is not in the future`);
  if (at > now + longest)
    throw new Problem("bad_request", `expires is ${JSON.stringify(text)}: the longest is 366d`);
  return at;
}
