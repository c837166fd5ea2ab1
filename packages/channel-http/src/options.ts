import { isNodeId } from "@multifleet/core";
import {
  checkOptions as check,
  flag,
  isRecord,
  misconfigured,
  whole,
  type Rules,
} from "@multifleet/core/options";
import { parseAddress } from "./addresses.js";

/** What `http()` takes, and what stands under `channels.http` in a config file. */
export interface HttpOptions {
  /** Whether to receive; default true. With false the channel only sends, and tells peers no address. */
  readonly listen?: boolean;
  /** Where to listen; default `127.0.0.1`, this machine only. `0.0.0.0` is every IPv4 address of it, `::` every address. */
  readonly host?: string;
  /** The TCP port; default 8856, 0 for any free one. */
  readonly port?: number;
  /** The addresses told to peers, best first; default: those it listens on. Needed behind a proxy, NAT or in a container. */
  readonly advertise?: readonly string[];
  /** Peers whose address is known beforehand; it is tried before those that the peer itself tells. */
  readonly peers?: Readonly<Record<string, { readonly url: string }>>;
  /** How many connections to keep to one address; default 4. */
  readonly connections?: number;
  /** How long a connection may take to be made, in ms; default 2,000. A frame itself has the time its sender gives it. */
  readonly connectTimeoutMs?: number;
  /** How long a peer may take to hand in a whole request, in ms; default 30,000. */
  readonly requestTimeoutMs?: number;
  /** How many connections to accept in all; default 1,024. Beyond it, the oldest that never brought a genuine frame goes. */
  readonly maxConnections?: number;
  /** How much memory frames that are arriving may take, and again those being taken, in bytes; default 32 MiB. */
  readonly maxInboundBytes?: number;
}

/** Options that were checked, with every default filled in. */
export type Settings = Required<Omit<HttpOptions, "advertise">> & Pick<HttpOptions, "advertise">;

const defaults: Settings = {
  listen: true,
  host: "127.0.0.1",
  port: 8856,
  peers: {},
  connections: 4,
  connectTimeoutMs: 2_000,
  requestTimeoutMs: 30_000,
  maxConnections: 1_024,
  maxInboundBytes: 32 * 1_024 * 1_024,
};

const isAddress = (value: unknown) => typeof value === "string" && parseAddress(value) !== undefined;
const anAddress = 'an address such as "http://192.168.1.5:8856", without user, query or fragment';

const rules: Rules<HttpOptions> = {
  listen: flag,
  host: [
    (value) => typeof value === "string" && /^[\w.:-]+$/.test(value),
    'an IP address or a host name of this machine, such as "127.0.0.1", "0.0.0.0" or "::"',
  ],
  port: whole(0, 65_535),
  advertise: [(value) => Array.isArray(value) && value.every(isAddress), `a list, each entry ${anAddress}`],
  peers: [isRecord, 'an object such as {"mac2": {"url": "http://192.168.1.5:8856"}}'],
  connections: whole(1, 64),
  connectTimeoutMs: whole(1, 600_000),
  requestTimeoutMs: whole(100, 600_000),
  maxConnections: whole(1, 65_536),
  maxInboundBytes: whole(8 * 1_024 * 1_024, 4 * 1_024 * 1_024 * 1_024),
};

const hintRules: Rules<{ readonly url: string }> = { url: [isAddress, anAddress, "required"] };

/** @throws ChannelError `MISCONFIGURED` that names the option, its value and what is allowed. */
export function checkOptions(options: unknown): Settings {
  const settings = { ...defaults, ...check<HttpOptions>("http", options, rules) };
  for (const [node, hint] of Object.entries(settings.peers)) {
    if (!isNodeId(node))
      throw misconfigured("http", `peers.${node}`, node, "named by a node: a-z, 0-9 and inner hyphens");
    check("http", hint, hintRules, `peers.${node}`);
  }
  return settings;
}
