import { isIP } from "node:net";
import type { ChannelError } from "@multifleet/core";
import { connect, type Connection } from "./client.js";
import { asChannelError } from "./failure.js";
import type { Names } from "./names.js";
import type { Settings } from "./options.js";
import { findServer, type ServerInfo } from "./probe.js";
import { Requests } from "./requests.js";
import { parseServer, showServer, type Server } from "./server.js";

/** First wait after a vain attempt and the longest, in ms; doubled each time, with half of it left to chance. */
const firstWait = 100;
const longestWait = 2_000;
/** Of the servers that a cluster tells of, so many are tried. */
const maxTold = 32;

/** What a link learns of the line that it shares. */
export interface LineListener {
  /** There is a connection; it is one of its own each time. */
  connected(): void;
  /** The connection ended, or none could be made. */
  lost(reason: string): void;
  /** No further one is tried. */
  over(error: ChannelError): void;
  /** The cluster changed. */
  changed(): void;
  denied(operation: string, subject: string): void;
  count(event: string): void;
}

/**
 * The one connection that all links of a node share, kept up: from its first to its last link it is dialled again whenever it ends. A wait
 * is cut short by {@link Line.wake}.
 */
export class Line {
  readonly names: Names;
  readonly settings: Settings;
  /** The connection and the requests over it, while there is one. */
  connection: Connection | undefined;
  requests: Requests | undefined;
  /** Connections after the first. */
  reconnects = -1;
  /** Why there is none. */
  reason = "not connected yet";
  readonly #listeners = new Set<LineListener>();
  readonly #end = new AbortController();
  #told: readonly Server[] = [];
  #attempts = 0;
  #timer: NodeJS.Timeout | undefined;
  #dialling: Promise<void> | undefined;

  constructor(names: Names, settings: Settings) {
    this.names = names;
    this.settings = settings;
  }

  get isOver(): boolean {
    return this.#end.signal.aborted;
  }

  join(listener: LineListener): void {
    this.#listeners.add(listener);
    if (this.connection !== undefined) listener.connected();
    else if (this.#dialling === undefined && this.#timer === undefined) this.wake();
    else if (this.#dialling === undefined) listener.lost(this.reason);
  }

  /** Takes a listener off; the last one takes the connection down. */
  async leave(listener: LineListener): Promise<void> {
    this.#listeners.delete(listener);
    if (this.#listeners.size > 0) return;
    await this.#close();
  }

  /** Dials now, if there is no connection and none is being made. */
  wake(): void {
    if (this.isOver || this.connection !== undefined || this.#dialling !== undefined) return;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#dialling = this.#dial().finally(() => (this.#dialling = undefined));
  }

  /** Never rejects. */
  async #dial(): Promise<void> {
    let connection: Connection;
    try {
      connection = await this.#connect();
    } catch (thrown) {
      this.#count("connect_errors");
      if (this.isOver) return;
      const error = asChannelError(thrown);
      this.reason = error.message;
      // A file that is gone after it once was there is being replaced.
      const isHopeless = error.code === "MISCONFIGURED" && this.reconnects < 0;
      if (error.code === "DENIED" || isHopeless) return this.#giveUp(error);
      this.#dialLater();
      for (const listener of this.#listeners) listener.lost(this.reason);
      return;
    }
    if (this.isOver) return connection.close();
    // Before anything else: it may end in this very tick, and is then dialled again.
    this.#dialling = undefined;
    this.#begin(connection);
  }

  async #connect(): Promise<Connection> {
    const { settings, names } = this;
    const { signal } = this.#end;
    const found = await findServer([...settings.servers, ...this.#told], {
      timeoutMs: settings.connectTimeoutMs,
      saysNothing: settings.tls?.handshakeFirst === true,
      signal,
    });
    const name = settings.name ?? `multifleet ${names.node}`;
    const connection = await connect(found, settings, name, {
      cluster: () => {
        this.#learn(this.connection?.info, found.server);
        for (const listener of this.#listeners) listener.changed();
      },
      denied: (operation, subject) => {
        if (operation === "publish") this.requests?.denied(subject);
        for (const listener of this.#listeners) listener.denied(operation, subject);
      },
    });
    this.#learn(connection.info, found.server);
    return connection;
  }

  #begin(connection: Connection): void {
    const requests = new Requests(connection, this.names.replies, (event) => this.#count(event));
    this.connection = connection;
    this.requests = requests;
    this.reconnects += 1;
    this.#attempts = 0;
    void this.#watch(connection, requests);
    for (const listener of this.#listeners) listener.connected();
  }

  async #watch(connection: Connection, requests: Requests): Promise<void> {
    const reason = await connection.ended;
    requests.end(this.isOver ? "the link was closed" : `${connection.where}: ${reason}`);
    void connection.close();
    if (this.isOver) return;
    this.connection = undefined;
    this.requests = undefined;
    this.reason = `${connection.where}: ${reason}`;
    this.#count("lost_connections");
    for (const listener of this.#listeners) listener.lost(this.reason);
    this.wake();
  }

  #dialLater(): void {
    const most = Math.min(firstWait * 2 ** this.#attempts, longestWait);
    this.#attempts += 1;
    this.#timer = setTimeout(() => this.wake(), most * (0.5 + Math.random() / 2));
  }

  /** Remembers the other servers of the cluster, so that one of them can take over. */
  #learn(info: ServerInfo | undefined, by: Server): void {
    const known = new Set(this.settings.servers.map((server) => showServer(server)));
    const certifiedFor = by.certifiedFor ?? (isIP(by.host) === 0 ? by.host : undefined);
    this.#told = (info?.connect_urls ?? [])
      .slice(0, maxTold)
      .flatMap((url) => parseServer(url) ?? [])
      .filter((server) => !known.has(showServer(server)))
      .map((server) => (certifiedFor === undefined ? server : { ...server, certifiedFor }));
  }

  #giveUp(error: ChannelError): void {
    this.#end.abort();
    for (const listener of this.#listeners) listener.over(error);
  }

  #count(event: string): void {
    // What concerns the connection is counted once, by one of those that share it.
    for (const listener of this.#listeners) return listener.count(event);
  }

  async #close(): Promise<void> {
    this.#end.abort();
    clearTimeout(this.#timer);
    const { connection } = this;
    this.requests?.end("the link was closed");
    this.connection = undefined;
    this.requests = undefined;
    await this.#dialling;
    await connection?.close();
  }
}

/** The lines of one set of options: one for each node, which is one in all but tests and renamings. */
export class Lines {
  readonly #settings: Settings;
  readonly #lines = new Map<string, Line>();

  constructor(settings: Settings) {
    this.#settings = settings;
  }

  /** The line of this node; a new one where the last was given up or closed. */
  of(names: Names): Line {
    const key = `${names.fleet}.${names.node}`;
    const there = this.#lines.get(key);
    if (there !== undefined && !there.isOver) return there;
    const line = new Line(names, this.#settings);
    this.#lines.set(key, line);
    return line;
  }
}
