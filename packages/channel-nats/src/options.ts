import { ChannelError } from "@multifleet/core";
import {
  checkOptions as check,
  flag,
  isRecord,
  text,
  whole,
  type Rule,
  type Rules,
} from "@multifleet/core/options";
import { parseServer, type Server } from "./server.js";

/** Files for TLS. With none of them the system's authorities are asked. */
export interface TlsOptions {
  /** The authorities that the server's certificate is checked against: a PEM file. */
  readonly ca?: string;
  /** This client's certificate: a PEM file. */
  readonly cert?: string;
  /** The key of `cert`: a PEM file. */
  readonly key?: string;
  /** Speak TLS before the server has said anything; for servers with `handshake_first`. */
  readonly handshakeFirst?: boolean;
}

/** What `nats()` takes, and what stands under `channels.nats` in a config file. */
export interface NatsOptions {
  /** One URL or several, `nats://` or `tls://`; default `nats://127.0.0.1:4222`. User and password, or a token, may stand in it. */
  readonly servers?: string | readonly string[];
  /** Shown by the server for this connection; default `multifleet` and the node's name. */
  readonly name?: string;
  readonly token?: string;
  /** A file that holds the token. */
  readonly tokenFile?: string;
  readonly user?: string;
  readonly pass?: string;
  /** A file that holds the password. */
  readonly passFile?: string;
  /** An nkey seed, `SU...`. */
  readonly nkey?: string;
  /** A file that holds the seed. */
  readonly nkeyFile?: string;
  /** A credentials file, as `nsc` writes it. */
  readonly creds?: string;
  /** `true`, or the files for it. On by itself where the server asks for it. */
  readonly tls?: boolean | TlsOptions;
  /** Whether to keep copies in JetStream for nodes that are away; default true. */
  readonly jetstream?: boolean;
  /** The JetStream domain to keep them in, where it is not the connected server's own. */
  readonly domain?: string;
  /** How many servers keep each copy, 1, 3 or 5; default: by the size of the cluster. */
  readonly replicas?: 1 | 3 | 5;
  /** How much disk the copies may take, in bytes; default 1 GiB, or what the account has. */
  readonly maxBytes?: number;
  /** How long a copy is kept, in ms; default 7 days. */
  readonly maxAgeMs?: number;
  /** How long a server may take to be connected to, in ms; default 1,000. */
  readonly connectTimeoutMs?: number;
  /** How often the server is pinged, in ms; default 500. After two pings without an answer it is given up. */
  readonly pingIntervalMs?: number;
  /** How long a peer or the server may take to answer, in ms; default 10,000. */
  readonly requestTimeoutMs?: number;
  /** How much memory frames may take that the daemon has in hand, in bytes; default 32 MiB. */
  readonly maxInboundBytes?: number;
}

const defaults = {
  servers: ["nats://127.0.0.1:4222"] as readonly string[],
  jetstream: true,
  maxBytes: 1_024 * 1_024 * 1_024,
  maxAgeMs: 7 * 24 * 3_600_000,
  connectTimeoutMs: 1_000,
  pingIntervalMs: 500,
  requestTimeoutMs: 10_000,
  maxInboundBytes: 32 * 1_024 * 1_024,
};

/** How to log in, as the options say; files are read at each connection, so that they can be replaced. */
export interface Login {
  readonly token?: string;
  readonly user?: string;
  readonly pass?: string;
  readonly nkey?: string;
  readonly creds?: string;
}

/** Options that were checked, with every default filled in. */
export interface Settings extends Omit<NatsOptions, "servers" | "tls"> {
  readonly servers: readonly Server[];
  readonly tls: TlsOptions | undefined;
  readonly jetstream: boolean;
  readonly maxBytes: number;
  readonly maxAgeMs: number;
  readonly connectTimeoutMs: number;
  readonly pingIntervalMs: number;
  readonly requestTimeoutMs: number;
  readonly maxInboundBytes: number;
}

const file: Rule = [text[0], "the path of a file"];
const aServer = '"nats://host:4222" or "tls://host:4222", without path or query';

const rules: Rules<NatsOptions> = {
  servers: [
    (value) =>
      [value].flat().every((each) => typeof each === "string" && parseServer(each) !== undefined) &&
      [value].flat().length > 0,
    `${aServer}, or a list of such`,
    "secret",
  ],
  name: text,
  token: [...text, "secret"],
  tokenFile: file,
  user: [...text, "secret"],
  pass: [(value) => typeof value === "string", "a text", "secret"],
  passFile: file,
  nkey: [
    (value) => typeof value === "string" && /^SU[A-Z2-7]{56}$/.test(value.trim()),
    "a user's seed, which begins with SU and has 58 characters",
    "secret",
  ],
  nkeyFile: file,
  creds: file,
  tls: [
    (value) => typeof value === "boolean" || isRecord(value),
    "true, false or an object with ca, cert, key",
  ],
  jetstream: flag,
  domain: [(value) => typeof value === "string" && /^[\w-]+$/.test(value), "a JetStream domain's name"],
  replicas: [(value) => value === 1 || value === 3 || value === 5, "1, 3 or 5"],
  maxBytes: whole(1_024 * 1_024, Number.MAX_SAFE_INTEGER),
  maxAgeMs: whole(1_000, Math.floor(Number.MAX_SAFE_INTEGER / 1_000_000)),
  connectTimeoutMs: whole(10, 60_000),
  pingIntervalMs: whole(50, 600_000),
  requestTimeoutMs: whole(100, 600_000),
  maxInboundBytes: whole(8 * 1_024 * 1_024, 4 * 1_024 * 1_024 * 1_024),
};

const tlsRules: Rules<TlsOptions> = {
  ca: file,
  cert: file,
  key: file,
  handshakeFirst: flag,
};

/** The options that are a login of their own: one of them, not two. */
const logins = ["token", "tokenFile", "user", "nkey", "nkeyFile", "creds"] as const;

/** @throws ChannelError `MISCONFIGURED` that names the option, its value unless it is a secret, and what is allowed. */
export function checkOptions(options: unknown): Settings {
  const given = check<NatsOptions>("nats", options, rules);
  if (typeof given.tls === "object") check<TlsOptions>("nats", given.tls, tlsRules, "tls");
  const servers = [given.servers ?? defaults.servers].flat().map((each) => parseServer(each) as Server);
  const settings: Settings = {
    ...defaults,
    ...given,
    ...loginOf(given, servers),
    servers,
    tls: typeof given.tls === "object" ? given.tls : asked(given.tls, servers),
  };
  if ((settings.tls?.cert === undefined) !== (settings.tls?.key === undefined))
    throw misconfigured("tls.cert and tls.key go together");
  return settings;
}

function asked(tls: boolean | undefined, servers: readonly Server[]): TlsOptions | undefined {
  return tls === true || servers.some((each) => each.tls) ? {} : undefined;
}

/** The login in the options or in the servers' URLs. */
function loginOf(given: NatsOptions, servers: readonly Server[]): Login {
  const named = logins.filter((key) => given[key] !== undefined);
  if (named.length > 1) throw misconfigured(`${named.join(" and ")} are one too many: there is one login`);
  for (const key of ["pass", "passFile"] as const)
    if (given[key] !== undefined && given.user === undefined) throw misconfigured(`${key} needs a user`);
  if (given.pass !== undefined && given.passFile !== undefined)
    throw misconfigured("pass and passFile are one too many");
  const inUrls = servers.flatMap(({ login }) => (login === undefined ? [] : [login]));
  const [first] = inUrls;
  if (first === undefined) return {};
  if (named.length > 0) throw misconfigured(`servers has a login in a URL, and ${named[0]} is another`);
  if (inUrls.some((each) => JSON.stringify(each) !== JSON.stringify(first)))
    throw misconfigured("servers has different logins in its URLs, and all servers get the same");
  return first;
}

function misconfigured(message: string): ChannelError {
  return new ChannelError("MISCONFIGURED", `nats: ${message}`);
}
