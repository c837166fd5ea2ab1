import { isAbsolute } from "node:path";
import { isNodeId, type NodeId } from "@multifleet/core";
import { sshError } from "./failure.js";
import { parseHint } from "./hint.js";

/** What is known of one peer beforehand; it goes before what the daemon knows. */
export interface PeerOptions {
  /** The host: an alias of the ssh configuration, `user@host:port`, or `ssh://user@host:port`. */
  readonly ssh?: string;
  /** Its seed directory, absolute or from its login directory. Default: what it announces, else `.multifleet/seed`. */
  readonly seed?: string;
  /** Its daemon's socket, absolute or from its login directory. Default: what it announces, else `.multifleet/daemon.sock`. */
  readonly socket?: string;
  /** What starts `multifleet` there, as its login shell reads it. Default: as for all peers. */
  readonly command?: string;
}

/** What the channels of this package take, and what stands under `channels.ssh` in a config file. */
export interface SshOptions {
  /** The ssh configuration file to read in place of the user's and the system's, as with `ssh -F`. */
  readonly config?: string;
  /** What starts `multifleet` on a peer, as its login shell reads it; default `multifleet`, from the PATH there. */
  readonly command?: string;
  /** Peers by name. */
  readonly peers?: Readonly<Record<string, PeerOptions>>;
  /** How long a connection may take to stand, each jump host included, in ms; default 5,000. */
  readonly connectTimeoutMs?: number;
  /** How long a connection that carries nothing is kept, in ms; default 60,000. */
  readonly idleMs?: number;
  /** How many channels one connection carries at once, of which SFTP keeps one; default 8, as servers commonly allow 10. */
  readonly maxChannels?: number;
}

/** Options that were checked, with the defaults filled in. */
export interface Settings {
  readonly config: string | undefined;
  readonly command: string;
  readonly peers: ReadonlyMap<NodeId, PeerOptions>;
  readonly connectTimeoutMs: number;
  readonly idleMs: number;
  readonly maxChannels: number;
}

type Rule = readonly [accepts: (value: unknown) => boolean, says: string];

const isText = (value: unknown): value is string =>
  typeof value === "string" && value !== "" && !/[\0\r\n]/.test(value);
const path: Rule = [isText, "a path, absolute or from the login directory"];
const command: Rule = [isText, "a command line without line breaks, such as /opt/node/bin/multifleet"];

const ofPeer: Readonly<Record<keyof PeerOptions, Rule>> = {
  ssh: [
    (value) => typeof value === "string" && parseHint(value) !== undefined,
    "an ssh alias, user@host:port or ssh://user@host:port, of letters, digits and . _ - alone",
  ],
  seed: path,
  socket: path,
  command,
};

const rules: Readonly<Record<keyof SshOptions, Rule>> = {
  config: [(value) => isText(value) && isAbsolute(value), "an absolute path, such as that of ~/.ssh/config"],
  command,
  peers: [isObject, 'an object of peers by name, such as {"mac2": {"ssh": "mac2.local"}}'],
  connectTimeoutMs: whole(100, 600_000),
  idleMs: whole(100, 86_400_000),
  maxChannels: whole(2, 8),
};

/** @throws ChannelError `MISCONFIGURED` that names the option, its value and what is allowed. */
export function checkOptions(options: unknown): Settings {
  const given = checked("options", options, rules) as SshOptions;
  const peers = Object.entries(given.peers ?? {}).map(([name, peer]) => {
    if (!isNodeId(name)) throw misconfigured("a key of peers", name, "a node's name");
    return [name, checked(`peers.${name}`, peer, ofPeer)] as const;
  });
  return {
    config: given.config,
    command: given.command ?? "multifleet",
    peers: new Map(peers),
    connectTimeoutMs: given.connectTimeoutMs ?? 5_000,
    idleMs: given.idleMs ?? 60_000,
    maxChannels: given.maxChannels ?? 8,
  };
}

function checked(where: string, value: unknown, allowed: Readonly<Record<string, Rule>>): object {
  if (!isObject(value)) throw misconfigured(where, value, "an object");
  const inside = where === "options" ? "" : `${where}.`;
  for (const [name, each] of Object.entries(value)) {
    const rule = Object.hasOwn(allowed, name) ? allowed[name] : undefined;
    if (rule === undefined) {
      const names = Object.keys(allowed).join(", ");
      throw sshError(
        "MISCONFIGURED",
        `there is no option ${JSON.stringify(inside + name)}; there are ${names}`,
      );
    }
    const [accepts, says] = rule;
    if (each !== undefined && !accepts(each)) throw misconfigured(inside + name, each, says);
  }
  return value;
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function whole(least: number, most: number): Rule {
  const accepts = (value: unknown) =>
    Number.isInteger(value) && Number(value) >= least && Number(value) <= most;
  return [accepts, `a whole number from ${least} to ${most}`];
}

function misconfigured(name: string, value: unknown, says: string) {
  const shown = (JSON.stringify(value) ?? String(value)).slice(0, 80);
  return sshError("MISCONFIGURED", `${name} is ${shown}, and must be ${says}`);
}
