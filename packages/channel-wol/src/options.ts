import { ChannelError, type NodeId } from "@multifleet/core";

/** Wakes a member that is on a network of this machine. False when that could not be done. */
export type Wake = (target: NodeId, signal: AbortSignal) => Promise<boolean>;

/** What `wol()` takes. A config file has the first two under `channels.wol`; the others are the daemon's. */
export interface WolOptions {
  /** The interfaces to use and to tell peers of, by name; default all that are up and have hardware. */
  readonly interfaces?: readonly string[];
  /** The UDP ports that packets are sent to; default 9. Cards do not look at it, but firewalls do, and some tools expect 7. */
  readonly ports?: readonly number[];
  /** The members that may be asked to wake another, those that were heard last before the others. */
  readonly members?: () => readonly NodeId[];
  /** Asks a member to wake another; true when it says that it did. */
  readonly ask?: (helper: NodeId, target: NodeId, signal: AbortSignal) => Promise<boolean>;
  /** Is told, while the channel is open, how this node wakes a member for one that asks it to. */
  readonly lend?: (wake: Wake | undefined) => void;
}

/** Options that were checked, with every default filled in. */
export type Settings = Required<Omit<WolOptions, "interfaces">> & {
  readonly interfaces: readonly string[] | undefined;
};

const defaults: Settings = {
  interfaces: undefined,
  ports: [9],
  members: () => [],
  ask: () => Promise.resolve(false),
  lend: () => undefined,
};

type Rule = readonly [accepts: (value: unknown) => boolean, says: string];

const isFunction: Rule = [
  (value) => typeof value === "function",
  "a function, which only a program can give",
];

const rules: Readonly<Record<keyof WolOptions, Rule>> = {
  interfaces: [
    (value) => isListOf(value, (each) => typeof each === "string" && each !== ""),
    'a list of interface names, such as ["eth0"]',
  ],
  ports: [
    (value) =>
      isListOf(value, (each) => Number.isInteger(each) && Number(each) >= 1 && Number(each) <= 65_535),
    "a list of 1 to 8 UDP ports from 1 to 65535, such as [7, 9]",
  ],
  members: isFunction,
  ask: isFunction,
  lend: isFunction,
};

/** @throws ChannelError `MISCONFIGURED` that names the option, its value and what is allowed. */
export function checkOptions(options: unknown): Settings {
  if (typeof options !== "object" || options === null || Array.isArray(options))
    throw misconfigured("options", options, "an object");
  const given: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(options)) {
    if (!Object.hasOwn(rules, name)) {
      throw new ChannelError(
        "MISCONFIGURED",
        `wol: there is no option ${JSON.stringify(name)}; there are ${Object.keys(rules).join(", ")}`,
      );
    }
    const [accepts, says] = rules[name as keyof WolOptions];
    if (value === undefined) continue;
    if (!accepts(value)) throw misconfigured(name, value, says);
    given[name] = value;
  }
  return { ...defaults, ...(given as WolOptions) };
}

function isListOf(value: unknown, accepts: (each: unknown) => boolean): boolean {
  return (
    Array.isArray(value) &&
    value.length >= 1 &&
    value.length <= 8 &&
    new Set(value).size === value.length &&
    value.every(accepts)
  );
}

function misconfigured(name: string, value: unknown, says: string): ChannelError {
  const shown = (JSON.stringify(value) ?? String(value)).slice(0, 80);
  return new ChannelError("MISCONFIGURED", `wol: ${name} is ${shown}, and must be ${says}`);
}
