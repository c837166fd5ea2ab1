import { rmSync } from "node:fs";
import { background, type NodeCounters } from "../books.js";
import { explain, StartFailure } from "../failure.js";
import type { Fleet } from "../fleet/fleet.js";
import type { Home } from "../home.js";
import type { Log } from "../log.js";
import { privateDirectory, readPrivate, writePrivate } from "../private-files.js";
import { Problem } from "../problem.js";
import {
  authority,
  configuration,
  natsFiles,
  type ConfigurationFacts,
  type NatsFiles,
} from "./configuration.js";
import { serverKeys } from "./keys.js";
import { Keeper } from "./keeper.js";
import { isServer, nearest, outerAddresses } from "./places.js";
import { expectFree } from "./ports.js";
import { faultOf, findServer, installText, versionOf } from "./program.js";
import { settingsSchema, settle, type NatsRequest, type NatsSettings } from "./settings.js";
import type { NatsServerView } from "./view.js";

export interface LocalServerHost {
  readonly home: Home;
  readonly fleet: Fleet;
  readonly counters: NodeCounters;
  readonly log: Log;
}

/** Under which name a node's hello says where its server is, beside the addresses of its channels. */
export const serverKind = "nats-server";

/** More servers of others are not tried. */
const mostShared = 16;

/** A nats-server of this node's own: its configuration, its process, and its life beside the node's. */
export class LocalServer {
  readonly #host: LocalServerHost;
  readonly #files: NatsFiles;
  readonly #keeper: Keeper;
  #settings: NatsSettings | undefined;
  #version: ConfigurationFacts["version"];
  #ended = false;
  /** The fleet's secret that the key file is of. */
  #keyOf = "";
  /** Servers that other members share. */
  #others: readonly string[] = [];
  /** One change at a time. */
  #turn: Promise<unknown> = Promise.resolve();

  /** @throws StartFailure when what is kept of it cannot be read. */
  constructor(host: LocalServerHost) {
    this.#host = host;
    this.#files = natsFiles(host.home.directory);
    this.#settings = readSettings(this.#files.settings);
    const { counters, log } = host;
    this.#keeper = new Keeper({ counters, log, files: this.#files, hide: (line) => this.#hide(line) });
  }

  /** Starts the server if it is to run, beside the node's own start. @param ready Is called each time it takes connections. */
  begin(ready: () => void): void {
    this.#keeper.onReady = ready;
    this.#keeper.endOrphan();
    if (this.#settings?.enabled === true)
      background(
        this.#inTurn(() => this.#launch()),
        "nats",
        this.#host,
      );
  }

  /** How clients of this machine reach it; undefined where none is to run. */
  clientOptions(): Readonly<Record<string, unknown>> | undefined {
    const { role, enabled, port, host } = this.#settings ?? {};
    if (enabled !== true || role === undefined || port === undefined) return undefined;
    return { servers: [`nats://${authority(nearest(host ?? ""), port)}`], nkeyFile: this.#keyFile() };
  }

  /** Where members without a server of their own may reach it, if they may. */
  shared(): readonly string[] {
    const { enabled, share, host = "", port = 0 } = this.#settings ?? {};
    if (enabled !== true || share !== true) return [];
    const hosts = host === "0.0.0.0" || host === "::" ? outerAddresses(host) : [host];
    return hosts.map((each) => `nats://${authority(each, port)}`);
  }

  /** Takes up where members say that they share servers. */
  follow(servers: readonly string[]): void {
    this.#others = [...new Set(servers.filter((server) => isServer(server)))].toSorted().slice(0, mostShared);
  }

  /** How to reach the servers that other members share; undefined where there are none. */
  sharedOptions(): Readonly<Record<string, unknown>> | undefined {
    return this.#others.length === 0 ? undefined : { servers: this.#others, nkeyFile: this.#keyFile() };
  }

  /** Sets it up and starts it; resolves once it takes connections. What ran before goes on where this cannot. @throws Problem */
  up(asked: NatsRequest): Promise<void> {
    return this.#inTurn(async () => {
      const before = this.#settings;
      const again = Object.keys(asked).length === 0 && before !== undefined;
      const settings = again ? { ...before, enabled: true } : await settle(asked, this.#host.fleet.fleet);
      const program = await this.#prepare(settings);
      await this.#keeper.stop();
      try {
        await expectPorts(settings);
        this.#save(settings);
        await this.#launch(program);
        const { state, reason } = this.#keeper;
        if (state !== "running")
          throw new Problem("nats_server_failed", `nats-server ${reason || "takes too long"}`);
      } catch (thrown) {
        await this.#keeper.stop();
        this.#save(before?.enabled === true ? before : { ...settings, enabled: false });
        if (before?.enabled === true) await this.#launch();
        throw thrown;
      }
    });
  }

  /** Ends it for good. What it kept stays, unless it is purged. */
  down({ purge }: { readonly purge: boolean }): Promise<void> {
    return this.#inTurn(async () => {
      if (this.#settings !== undefined) this.#save({ ...this.#settings, enabled: false });
      await this.#keeper.stop();
      if (!purge) return;
      rmSync(this.#files.directory, { recursive: true, force: true });
      this.#settings = undefined;
      this.#keyOf = "";
    });
  }

  /** Sets it up anew for another fleet, or for new keys of this one. */
  renew(): Promise<void> {
    return this.#inTurn(async () => {
      if (this.#settings?.enabled !== true) return;
      await this.#keeper.stop();
      await this.#launch();
    });
  }

  view(): NatsServerView {
    const settings = this.#settings;
    const { directory, configuration: config, log, store } = this.#files;
    const { pid, since, reason, restarts } = this.#keeper;
    const state = settings?.enabled === true ? this.#keeper.state : "off";
    if (settings === undefined) return { state };
    const { role, host, port, hub, cluster, leafPort, share } = settings;
    return {
      state,
      ...(state === "off" ? {} : { since: new Date(since).toISOString() }),
      ...(reason === "" || state === "off" ? {} : { reason }),
      ...(pid === undefined ? {} : { pid }),
      ...(this.#version === undefined ? {} : { version: this.#version.join(".") }),
      restarts,
      role,
      server: `nats://${authority(nearest(host), port)}`,
      listen: authority(host, port),
      ...(role === "leaf" ? { domain: this.#host.fleet.node } : {}),
      ...(hub === undefined ? {} : { hub: hub.url }),
      ...(cluster === undefined
        ? {}
        : { cluster: { name: cluster.name, listen: authority(host, cluster.port), routes: cluster.routes } }),
      ...(leafPort === undefined ? {} : { leafnodes: authority(host, leafPort) }),
      ...(share ? { shared: this.shared() } : {}),
      directory,
      config,
      store,
      log,
    };
  }

  /** Ends the server with the node. */
  async end(): Promise<void> {
    this.#ended = true;
    await this.#inTurn(() => this.#keeper.stop());
  }

  #inTurn<Value>(work: () => Promise<Value>): Promise<Value> {
    const turn = this.#turn.then(work, work);
    // Whoever asked is told; the next one has its turn all the same.
    this.#turn = Promise.allSettled([turn]);
    return turn;
  }

  /** Writes the configuration for the program that is there, and lets that program read it. @throws Problem */
  async #prepare(settings: NatsSettings): Promise<string> {
    const program = findServer(process.env["PATH"]);
    this.#version = program === undefined ? undefined : await versionOf(program);
    this.#configure(settings);
    if (program === undefined || process.platform === "win32") {
      this.#save({ ...settings, enabled: false });
      throw missing(this.#files.configuration, program);
    }
    const fault = await faultOf(program, this.#files.configuration);
    if (fault !== undefined)
      throw new Problem("nats_server_failed", `nats-server refuses its configuration: ${this.#hide(fault)}`);
    return program;
  }

  #configure(settings: NatsSettings): void {
    const { directory, store, logs, configuration: path } = this.#files;
    privateDirectory(directory);
    privateDirectory(store);
    privateDirectory(logs);
    const { node, secret } = this.#host.fleet;
    const facts = { node, store, version: this.#version, keys: serverKeys(secret) };
    writePrivate(path, configuration(settings, facts));
  }

  #save(settings: NatsSettings): void {
    privateDirectory(this.#files.directory);
    writePrivate(this.#files.settings, `${JSON.stringify(settings, undefined, 2)}\n`);
    this.#settings = settings;
  }

  /** The file with what clients log in with, as the fleet's secret has it now. */
  #keyFile(): string {
    const { secret } = this.#host.fleet;
    if (this.#keyOf === secret) return this.#files.key;
    privateDirectory(this.#files.directory);
    const { seed } = serverKeys(secret).client;
    if (readPrivate(this.#files.key)?.trim() !== seed) writePrivate(this.#files.key, `${seed}\n`);
    this.#keyOf = secret;
    return this.#files.key;
  }

  /** Starts it as it is set up; resolves once it takes connections, or cannot. */
  async #launch(prepared?: string): Promise<void> {
    const settings = this.#settings;
    if (settings === undefined || this.#ended) return;
    this.#keeper.become("starting", "");
    try {
      await this.#keeper.start(prepared ?? (await this.#prepare(settings)));
    } catch (thrown) {
      this.#host.counters.count("nats_server_start_errors_total");
      const code = thrown instanceof Problem ? thrown.code : "";
      // The program may be gone for now: that is told, and does not turn the server off.
      if (code === "nats_server_missing") this.#save(settings);
      this.#keeper.become(code === "nats_server_missing" ? "missing" : "failed", explain(thrown));
      this.#host.log.error("nats_server_not_started", { reason: explain(thrown) });
    }
  }

  /** Without the passwords that a line of the server's may quote. */
  #hide(line: string): string {
    const { route, leaf } = serverKeys(this.#host.fleet.secret);
    const { password } = this.#settings?.hub ?? {};
    const secrets = [
      route,
      leaf,
      ...(password === undefined ? [] : [password, encodeURIComponent(password)]),
    ];
    return secrets.reduce((text, secret) => text.replaceAll(secret, "[hidden]"), line);
  }
}

/** @throws StartFailure */
function readSettings(path: string): NatsSettings | undefined {
  const text = readPrivate(path);
  if (text === undefined) return undefined;
  try {
    return settingsSchema.parse(JSON.parse(text));
  } catch (thrown) {
    throw new StartFailure(
      `${path} is damaged (${explain(thrown)}). Remove it, and set the server up again.`,
      {
        cause: thrown,
      },
    );
  }
}

async function expectPorts({ host, port, cluster, leafPort }: NatsSettings): Promise<void> {
  await expectFree(host, port, "--server-port");
  if (cluster !== undefined) await expectFree(host, cluster.port, "--cluster-port");
  if (leafPort !== undefined) await expectFree(host, leafPort, "--leaf-port");
}

function missing(configurationFile: string, program: string | undefined): Problem {
  if (program !== undefined)
    return new Problem(
      "nats_server_missing",
      `nats-server is not run by the daemon on Windows. Run it yourself, as a service, with: nats-server -c ${configurationFile}`,
    );
  return new Problem(
    "nats_server_missing",
    `nats-server is not on the daemon's PATH. Its configuration is ready in ${configurationFile}. Install the program, then run: multifleet nats up`,
    { extra: { install: installText() } },
  );
}
