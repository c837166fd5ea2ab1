import { ChannelError } from "./errors.js";

/**
 * What one option may be: whether a value will do, and what would, as words that go after "must be". A `required` one has no
 * default. The value of a `secret` one is never shown, not even in part.
 */
export type Rule = readonly [
  accepts: (value: unknown) => boolean,
  says: string,
  ...marks: readonly ("required" | "secret")[],
];

/** A rule for every option that there is; there are no others. */
export type Rules<Options> = Readonly<Record<keyof Options, Rule>>;

/**
 * The options that were given, each as its rule says, without those that are undefined. Defaults go before them:
 * `{ ...defaults, ...checkOptions<TcpOptions>("tcp", options, rules) }`.
 *
 * @param channel the channel's name, which the error begins with
 * @param inside where these options stand in others, such as `peers.mac2`
 * @throws ChannelError `MISCONFIGURED` that names the option, its value unless that is a secret, and what is allowed
 */
export function checkOptions<Options extends object>(
  channel: string,
  options: unknown,
  rules: Rules<Options>,
  inside = "",
): Options {
  if (!isRecord(options)) throw misconfigured(channel, inside || "options", options, "an object");
  const at = (name: string) => (inside === "" ? name : `${inside}.${name}`);
  const known = Object.entries<Rule>(rules);
  const unknown = Object.keys(options).find((name) => !Object.hasOwn(rules, name));
  if (unknown !== undefined) {
    const names = known.map(([name]) => name).join(", ");
    const there = `there ${known.length === 1 ? "is" : "are"} ${names}`;
    throw fault(channel, `there is no option ${shown(at(unknown))}; ${there}`);
  }
  for (const [name, [accepts, says, ...marks]] of known) {
    const value = Object.hasOwn(options, name) ? options[name] : undefined;
    if (value === undefined ? !marks.includes("required") : accepts(value)) continue;
    if (value === undefined || !marks.includes("secret")) throw misconfigured(channel, at(name), value, says);
    throw fault(channel, `${at(name)} is not what it should be, and must be ${says}`);
  }
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as Options;
}

/** The error for an option that no rule alone can judge. It shows the value: never for one that may be a secret. */
export function misconfigured(channel: string, name: string, value: unknown, says: string): ChannelError {
  return fault(channel, `${name} is ${shown(value)}, and must be ${says}`);
}

/** A whole number, both ends allowed. */
export function whole(least: number, most: number): Rule {
  const accepts = (value: unknown) =>
    Number.isInteger(value) && Number(value) >= least && Number(value) <= most;
  return [accepts, `a whole number from ${least} to ${most}`];
}

/** Yes or no. */
export const flag: Rule = [(value) => typeof value === "boolean", "true or false"];

/** Any text but the empty one. */
export const text: Rule = [(value) => typeof value === "string" && value !== "", "a text that is not empty"];

/** Whether a value is an object with keys, not a list. */
export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function fault(channel: string, message: string): ChannelError {
  return new ChannelError("MISCONFIGURED", `${channel}: ${message}`);
}

/** A value on one line, not too long, without the login that a URL may hold. */
function shown(value: unknown): string {
  if (value === undefined) return "missing";
  return (json(value) ?? `of type ${typeof value}`)
    .replace(/\/\/(?:[^"\\]|\\.)*@/g, "//...@")
    .replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, " ")
    .slice(0, 80);
}

/** Undefined for what JSON has no words for: a program may give anything. */
function json(value: unknown): string | undefined {
  try {
    return JSON.stringify(value);
  } catch {
    return undefined;
  }
}
