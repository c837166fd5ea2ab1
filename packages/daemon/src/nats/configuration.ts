import { join } from "node:path";
import { serverUser, type ServerKeys } from "./keys.js";
import type { NatsSettings } from "./settings.js";

/** What of the world a configuration depends on. */
export interface ConfigurationFacts {
  /** The node's name, which is the server's. */
  readonly node: string;
  readonly keys: ServerKeys;
  /** Where JetStream keeps its files. */
  readonly store: string;
  /** The program's version; undefined where it is not installed, and what every version knows is written. */
  readonly version: readonly [major: number, minor: number, patch: number] | undefined;
}

/**
 * `nats-server.conf` for these settings. Each value is written as JSON, which NATS reads, so that no text can be more than a value.
 * @see https://docs.nats.io/running-a-nats-service/configuration
 */
export function configuration(settings: NatsSettings, facts: ConfigurationFacts): string {
  const { keys, node } = facts;
  const values = {
    server_name: node,
    listen: authority(settings.host, settings.port),
    authorization: { users: [{ nkey: keys.client.publicKey }] },
    jetstream: {
      store_dir: facts.store,
      // A leaf's streams are its own: a hub that is gone takes none of them away.
      ...(settings.role === "leaf" ? { domain: node } : {}),
      // Without it JetStream acknowledges what a power cut can still take. Older servers refuse the key.
      ...(atLeast(facts.version, 2, 10) ? { sync_interval: "always" } : {}),
    },
    ...clusterPart(settings, keys),
    ...leafPart(settings, keys),
  };
  const lines = Object.entries(values).map(
    ([key, value]) => `${key}: ${JSON.stringify(value, undefined, 2)}\n`,
  );
  return `# Written by \`multifleet nats up\`; what is changed here is lost.\n${lines.join("")}`;
}

function clusterPart({ cluster, host }: NatsSettings, keys: ServerKeys): object {
  if (cluster === undefined) return {};
  const login = `${serverUser}:${keys.route}`;
  return {
    cluster: {
      name: cluster.name,
      listen: authority(host, cluster.port),
      authorization: { user: serverUser, password: keys.route, timeout: 5 },
      routes: cluster.routes.map((route) => `nats-route://${login}@${route}`),
    },
  };
}

function leafPart({ hub, leafPort, host }: NatsSettings, keys: ServerKeys): object {
  if (hub === undefined && leafPort === undefined) return {};
  return {
    leafnodes: {
      ...(leafPort === undefined
        ? {}
        : {
            listen: authority(host, leafPort),
            authorization: { user: serverUser, password: keys.leaf, timeout: 5 },
          }),
      // Dialled again every second, which is the default: 2.9 takes that as a number only, 2.10 and newer as a text only.
      ...(hub === undefined ? {} : { remotes: [remote(hub, keys)] }),
    },
  };
}

/** Where nothing else is said, the hub is a member's server. */
function remote({ url, creds, user, password }: NonNullable<NatsSettings["hub"]>, keys: ServerKeys): object {
  if (creds !== undefined) return { url, credentials: creds };
  const login = `${encodeURIComponent(user ?? serverUser)}:${encodeURIComponent(password ?? keys.leaf)}`;
  return { url: url.replace("://", `://${login}@`) };
}

/** `HOST:PORT`, with an IPv6 address in brackets. */
export function authority(host: string, port: number): string {
  return `${host.includes(":") ? `[${host}]` : host}:${port}`;
}

/** Whether a version is this one or newer. */
export function atLeast(version: ConfigurationFacts["version"], major: number, minor: number): boolean {
  if (version === undefined) return false;
  return version[0] > major || (version[0] === major && version[1] >= minor);
}

/** The files of a home that belong to its server. */
export function natsFiles(home: string) {
  const directory = join(home, "nats");
  return {
    directory,
    settings: join(directory, "server.json"),
    configuration: join(directory, "nats-server.conf"),
    store: join(directory, "store"),
    /** With what clients of this machine log in: `nats --nkey FILE` takes it too. */
    key: join(directory, "client.nk"),
    /** Which process is the server, for a daemon that finds one left by another. */
    process: join(directory, "process.json"),
    logs: join(home, "logs"),
    log: join(home, "logs", "nats-server.log"),
  };
}

export type NatsFiles = ReturnType<typeof natsFiles>;
