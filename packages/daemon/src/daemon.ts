import { hostname } from "node:os";
import { Counters, isNodeId, nodeId, type Channel, type NodeId } from "@multifleet/core";
import { serveApi } from "./api/serve.js";
import { checkConfig, readConfig, type Config } from "./config.js";
import { counterTable } from "./counters.js";
import { explain, StartFailure } from "./failure.js";
import { Fleet } from "./fleet/fleet.js";
import { openIdentity } from "./fleet/identity.js";
import { apiToken, defaultHome, openHome, type Home } from "./home.js";
import { jsonLog, type Log } from "./log.js";
import { openStore } from "./store.js";
import { LocalServer } from "./nats/local-server.js";
import type { FleetNode } from "./node.js";
import { removePrivate, writePrivate } from "./private-files.js";
import { DaemonNode } from "./daemon-node.js";
import { version } from "./version.js";

/** How a node is made. Everything has a default; what is given here goes before `config.json`. */
export interface DaemonOptions {
  /** Where its keys, store and sockets are; default `MULTIFLEET_HOME`, else `~/.multifleet`. Made when it is not there. */
  readonly home?: string;
  /** Its name: taken at the first start (default: the host's), later it must fit. */
  readonly node?: string;
  /** The local API's port on 127.0.0.1; default 8855, 0 for any free one, false for no local API. */
  readonly port?: number | false;
  /** The configuration itself, in place of the home's `config.json`. */
  readonly config?: Config;
  /** Another file in place of the home's `config.json`. */
  readonly configFile?: string;
  /** Exactly these channels, in place of those that are installed. */
  readonly channels?: readonly Channel[];
  /** Where the packet listener of `http` listens, for this run: an address of this machine such as `0.0.0.0`. */
  readonly listen?: string;
  /** An invitation to use if the node is alone in its fleet. */
  readonly join?: string;
  /** Default: one JSON object a line, from `warn` up, on stderr. */
  readonly log?: Log;
}

/** A running node with its local API. */
export type Daemon = FleetNode &
  AsyncDisposable & {
    /** The local API's port; undefined without one. */
    readonly port: number | undefined;
  };

/** Starts a node. @throws StartFailure with one line for the user; whatever was opened is closed again. */
export async function createDaemon(options: DaemonOptions = {}): Promise<Daemon> {
  const log = options.log ?? jsonLog((line) => process.stderr.write(line), "warn");
  const home = openHome(options.home ?? defaultHome(process.env));
  const config =
    options.config === undefined
      ? readConfig(options.configFile ?? home.config)
      : checkConfig(options.config, "the config option");
  const counters = new Counters(counterTable);
  const ends: (() => Promise<void>)[] = [];
  const close = async () => {
    for (const end of ends.splice(0).reverse()) await end();
  };
  try {
    const shown: { tell?: () => void } = {};
    const mailbox = await openStore(home, config, { counters, log, onShown: () => shown.tell?.() });
    ends.push(() => mailbox.close());
    const identity = await openIdentity(home.key);
    const fleet = Fleet.open(home.fleet, identity, {
      asked: nameAsked(options, config),
      otherwise: hostName(),
    });
    const nats = new LocalServer({ home, fleet, counters, log });
    ends.push(() => nats.end());
    const port = options.port ?? config.port ?? 8855;
    const { channels, listen } = options;
    const node = new DaemonNode(
      {
        home,
        config,
        counters,
        log,
        mailbox,
        identity,
        fleet,
        version,
        nats,
        apiPort: port,
        channels,
        listen,
      },
      close,
    );
    shown.tell = () => node.shown();
    ends.push(() => node.end());
    await node.start();
    if (options.join !== undefined && fleet.peers.length === 0) await node.join({ code: options.join });
    const served = port === false ? undefined : await serve(port, home, { node, counters, log }, ends);
    log.info("node_ready", { node: node.name, port: served, home: home.directory });
    // Once whoever waits for this node has been told that it is ready.
    setImmediate(() => node.greet());
    return Object.assign(node, { port: served });
  } catch (thrown) {
    await close();
    throw thrown;
  }
}

/** Serves the local API, and says where; what ends the two is added to `ends`. */
async function serve(
  port: number,
  home: Home,
  parts: Pick<Parameters<typeof serveApi>[0], "node" | "counters" | "log">,
  ends: (() => Promise<void>)[],
): Promise<number> {
  const api = await serveApi({ ...parts, port, token: apiToken(home) }).catch((thrown: unknown) =>
    portFailure(thrown, port),
  );
  ends.push(() => api.close());
  announce(home, api.port, parts.node.name);
  ends.push(async () => removePrivate(home.running));
  return api.port;
}

function nameAsked(options: DaemonOptions, config: Config): NodeId | undefined {
  const name = options.node ?? config.node;
  if (name === undefined) return undefined;
  if (name === "all") throw new StartFailure('a node cannot be named "all": it means every node');
  try {
    return nodeId(name);
  } catch (thrown) {
    throw new StartFailure(explain(thrown), { cause: thrown });
  }
}

/** The host's own name, as far as a node may be named so. */
function hostName(): NodeId {
  const label = (hostname().split(".", 1)[0] ?? "")
    .toLowerCase()
    .replaceAll(/[^a-z0-9-]/g, "-")
    .replaceAll(/^-+|-+$/g, "")
    .slice(0, 63);
  return isNodeId(label) && label !== "all" ? label : nodeId("node");
}

/** Tells the command line where the local API is. */
function announce(home: Home, port: number, node: NodeId): void {
  const running = { pid: process.pid, port, node, started: new Date().toISOString(), version };
  writePrivate(home.running, `${JSON.stringify(running)}\n`);
}

function portFailure(thrown: unknown, port: number): never {
  if ((thrown as NodeJS.ErrnoException).code !== "EADDRINUSE") throw thrown;
  throw new StartFailure(
    `port ${port} on 127.0.0.1 is taken by another program. Choose another with --port, MULTIFLEET_PORT or "port" in config.json; 0 takes any free one.`,
    { cause: thrown },
  );
}
