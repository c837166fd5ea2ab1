import { ChannelError } from "@multifleet/core";
import type { Forwarder } from "./forwarder.js";

/** What `relay()` takes, and what stands under `channels.relay` in a config file. */
export interface RelayOptions {
  /** The daemon's side of relaying, which it supplies itself. */
  readonly forwarder?: Forwarder;
  /** How many nodes are asked at most to carry one frame in one attempt; default 3. */
  readonly candidates?: number;
  /** How long a node may be silent before the next is asked beside it, in ms; default 150. */
  readonly hedgeMs?: number;
}

/** Options that were checked, with every default filled in. */
export type Settings = Required<Omit<RelayOptions, "forwarder">> & Pick<RelayOptions, "forwarder">;

const defaults = { candidates: 3, hedgeMs: 150 };

type Rule = readonly [accepts: (value: unknown) => boolean, says: string];

const rules: Readonly<Record<keyof RelayOptions, Rule>> = {
  forwarder: [isForwarder, "left out: the daemon supplies it"],
  candidates: whole(1, 8),
  hedgeMs: whole(1, 10_000),
};

/** @throws ChannelError `MISCONFIGURED` that names the option, its value and what is allowed. */
export function checkOptions(options: unknown): Settings {
  if (!isRecord(options)) misconfigured("options", options, "an object");
  for (const [name, value] of Object.entries(options)) {
    if (!Object.hasOwn(rules, name)) {
      throw new ChannelError(
        "MISCONFIGURED",
        `relay: there is no option ${JSON.stringify(name)}; there are ${Object.keys(rules).join(", ")}`,
      );
    }
    const [accepts, says] = rules[name as keyof RelayOptions];
    if (value !== undefined && !accepts(value)) misconfigured(name, value, says);
  }
  const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
  return { ...defaults, ...(given as RelayOptions) };
}

function isForwarder(value: unknown): boolean {
  const methods: readonly (keyof Forwarder)[] = ["reaches", "candidates", "ask", "watch"];
  // Not only plain objects: the daemon's is one of a class.
  if (typeof value !== "object" || value === null) return false;
  return methods.every((name) => typeof (value as Readonly<Record<string, unknown>>)[name] === "function");
}

function whole(least: number, most: number): Rule {
  const accepts = (value: unknown) =>
    Number.isInteger(value) && Number(value) >= least && Number(value) <= most;
  return [accepts, `a whole number from ${least} to ${most}`];
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function misconfigured(name: string, value: unknown, says: string): never {
  const shown = (JSON.stringify(value) ?? String(value)).slice(0, 80);
  throw new ChannelError("MISCONFIGURED", `relay: ${name} is ${shown}, and must be ${says}`);
}
