import { isAbsolute } from "node:path";
import { ChannelError } from "@multifleet/core";
import type { FrameCover } from "@multifleet/core/age";
import { parseRemote, remoteForms } from "./remote.js";

/** What `git()` takes, and what stands under `channels.git` in a config file. The daemon supplies `directory` and `cover`. */
export interface GitOptions {
  /** The remote of the whole fleet, for every peer that has none of its own. */
  readonly remote?: string;
  /**
   * Further remotes that may be used: those that single peers are reached by. Each is read for this node; an address of a peer that is
   * neither here nor `remote` is ignored, since a peer does not decide where this machine connects to.
   */
  readonly remotes?: readonly string[];
  /** Where packets become commits: an absolute path, empty or made by this channel before. Never anybody's own repository. */
  readonly directory: string;
  /** What encrypts each frame to its receiver: whoever runs the remote reads none. */
  readonly cover: FrameCover;
  /** How long one exchange with a remote may take, in ms; default 60,000. */
  readonly timeoutMs?: number;
  /** The most bytes that are read from a remote at a time; default 24 MiB. */
  readonly maxInboundBytes?: number;
  /** The program that reaches `ssh` remotes; default `ssh`. It is called as git calls it. */
  readonly ssh?: string;
}

/** Options that were checked, with every default filled in. */
export type Settings = Required<Omit<GitOptions, "remote">> & Pick<GitOptions, "remote">;

type Rule = readonly [accepts: (value: unknown) => boolean, says: string];

const isRemote = (value: unknown) => typeof value === "string" && parseRemote(value) !== undefined;

const rules: Readonly<Record<keyof GitOptions, Rule>> = {
  remote: [isRemote, remoteForms],
  remotes: [(value) => Array.isArray(value) && value.every(isRemote), `a list, each entry ${remoteForms}`],
  directory: [
    (value) => typeof value === "string" && isAbsolute(value) && !value.includes("\0"),
    "an absolute path, such as that of git in the node's home",
  ],
  cover: [
    (value) => isRecord(value) && isFunction(value["cover"]) && isFunction(value["uncover"]),
    "a FrameCover: without encryption whoever runs the remote would read every packet",
  ],
  timeoutMs: whole(1_000, 3_600_000),
  maxInboundBytes: whole(8 * 1_024 * 1_024, 1_024 * 1_024 * 1_024),
  ssh: [
    (value) => typeof value === "string" && (isAbsolute(value) || /^\w[\w.-]*$/.test(value)),
    "the name of a program, or its absolute path",
  ],
};

/** Those without a default. */
const required = ["directory", "cover"] as const;

/** @throws ChannelError `MISCONFIGURED` that names the option, its value and what is allowed. */
export function checkOptions(options: unknown): Settings {
  if (!isRecord(options)) throw misconfigured("options", options, "an object");
  const given: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(options)) {
    if (!Object.hasOwn(rules, name)) {
      throw new ChannelError(
        "MISCONFIGURED",
        `git: there is no option ${JSON.stringify(name)}; there are ${Object.keys(rules).join(", ")}`,
      );
    }
    const [accepts, says] = rules[name as keyof GitOptions];
    if (value === undefined) continue;
    if (!accepts(value)) throw misconfigured(name, value, says);
    given[name] = value;
  }
  for (const name of required) {
    if (given[name] === undefined) throw misconfigured(name, undefined, rules[name][1]);
  }
  const settings: Settings = {
    remotes: [],
    timeoutMs: 60_000,
    maxInboundBytes: 24 * 1_024 * 1_024,
    ssh: "ssh",
    ...(given as unknown as GitOptions),
  };
  if (settings.remote === undefined && settings.remotes.length === 0)
    throw misconfigured("remote", undefined, remoteForms);
  return settings;
}

function whole(least: number, most: number): Rule {
  const accepts = (value: unknown) =>
    Number.isInteger(value) && Number(value) >= least && Number(value) <= most;
  return [accepts, `a whole number from ${least} to ${most}`];
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isFunction(value: unknown): boolean {
  return typeof value === "function";
}

function misconfigured(name: string, value: unknown, says: string): ChannelError {
  return new ChannelError("MISCONFIGURED", `git: ${name} is ${shown(value)}, and must be ${says}`);
}

/** A value for people, without what may be a secret in a URL. */
function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? (value === undefined ? "missing" : typeof value);
  return text.replace(/\/\/[^/@"]*@/g, "//...@").slice(0, 80);
}
