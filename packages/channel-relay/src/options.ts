import { checkOptions as check, whole, type Rules } from "@multifleet/core/options";
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

const rules: Rules<RelayOptions> = {
  forwarder: [isForwarder, "left out: the daemon supplies it"],
  candidates: whole(1, 8),
  hedgeMs: whole(1, 10_000),
};

/** @throws ChannelError `MISCONFIGURED` that names the option, its value and what is allowed. */
export function checkOptions(options: unknown): Settings {
  return { ...defaults, ...check<RelayOptions>("relay", options, rules) };
}

function isForwarder(value: unknown): boolean {
  const methods: readonly (keyof Forwarder)[] = ["reaches", "candidates", "ask", "watch"];
  // Not only plain objects: the daemon's is one of a class.
  if (typeof value !== "object" || value === null) return false;
  return methods.every((name) => typeof (value as Readonly<Record<string, unknown>>)[name] === "function");
}
