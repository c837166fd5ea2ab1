import { isAbsolute } from "node:path";
import { isNodeId, type NodeId } from "@multifleet/core";
import {
  checkOptions as check,
  isRecord,
  misconfigured,
  whole,
  type Rule,
  type Rules,
} from "@multifleet/core/options";
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

const isText = (value: unknown): value is string =>
  typeof value === "string" && value !== "" && !/[\0\r\n]/.test(value);
const path: Rule = [isText, "a path, absolute or from the login directory"];
const command: Rule = [isText, "a command line without line breaks, such as /opt/node/bin/multifleet"];

const ofPeer: Rules<PeerOptions> = {
  ssh: [
    (value) => typeof value === "string" && parseHint(value) !== undefined,
    "an ssh alias, user@host:port or ssh://user@host:port, of letters, digits and . _ - alone",
  ],
  seed: path,
  socket: path,
  command,
};

const rules: Rules<SshOptions> = {
  config: [(value) => isText(value) && isAbsolute(value), "an absolute path, such as that of ~/.ssh/config"],
  command,
  peers: [isRecord, 'an object of peers by name, such as {"mac2": {"ssh": "mac2.local"}}'],
  connectTimeoutMs: whole(100, 600_000),
  idleMs: whole(100, 86_400_000),
  maxChannels: whole(2, 8),
};

/** @throws ChannelError `MISCONFIGURED` that names the option, its value and what is allowed. */
export function checkOptions(options: unknown): Settings {
  const given = check<SshOptions>("ssh", options, rules);
  const peers = Object.entries(given.peers ?? {}).map(([name, peer]) => {
    if (!isNodeId(name)) throw misconfigured("ssh", "a key of peers", name, "a node's name");
    return [name, check<PeerOptions>("ssh", peer, ofPeer, `peers.${name}`)] as const;
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
