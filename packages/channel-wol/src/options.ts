import type { NodeId } from "@multifleet/core";
import { checkOptions as check, type Rule, type Rules } from "@multifleet/core/options";

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

const isFunction: Rule = [
  (value) => typeof value === "function",
  "a function, which only a program can give",
];

const rules: Rules<WolOptions> = {
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
  return { ...defaults, ...check<WolOptions>("wol", options, rules) };
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
