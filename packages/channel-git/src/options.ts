import { isAbsolute } from "node:path";
import type { FrameCover } from "@multifleet/core/age";
import { checkOptions as check, isRecord, misconfigured, whole, type Rules } from "@multifleet/core/options";
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

const isRemote = (value: unknown) => typeof value === "string" && parseRemote(value) !== undefined;

const rules: Rules<GitOptions> = {
  remote: [isRemote, remoteForms],
  remotes: [(value) => Array.isArray(value) && value.every(isRemote), `a list, each entry ${remoteForms}`],
  directory: [
    (value) => typeof value === "string" && isAbsolute(value) && !value.includes("\0"),
    "an absolute path, such as that of git in the node's home",
    "required",
  ],
  cover: [
    (value) => isRecord(value) && isFunction(value["cover"]) && isFunction(value["uncover"]),
    "a FrameCover: without encryption whoever runs the remote would read every packet",
    "required",
  ],
  timeoutMs: whole(1_000, 3_600_000),
  maxInboundBytes: whole(8 * 1_024 * 1_024, 1_024 * 1_024 * 1_024),
  ssh: [
    (value) => typeof value === "string" && (isAbsolute(value) || /^\w[\w.-]*$/.test(value)),
    "the name of a program, or its absolute path",
  ],
};

const defaults = {
  remotes: [],
  timeoutMs: 60_000,
  maxInboundBytes: 24 * 1_024 * 1_024,
  ssh: "ssh",
};

/** @throws ChannelError `MISCONFIGURED` that names the option, its value and what is allowed. */
export function checkOptions(options: unknown): Settings {
  const settings = { ...defaults, ...check<GitOptions>("git", options, rules) };
  if (settings.remote === undefined && settings.remotes.length === 0)
    throw misconfigured("git", "remote", undefined, remoteForms);
  return settings;
}

function isFunction(value: unknown): boolean {
  return typeof value === "function";
}
