import type { ChannelHost, MediumEvent, NodeId } from "@multifleet/core";
import type { Pool } from "undici";
import type { Target } from "./addresses.js";
import { Dialer } from "./dialer.js";
import { Endpoint } from "./endpoint.js";
import type { Settings } from "./options.js";
import { maxResponseBytes } from "./protocol.js";

/** How long an idle connection is kept, in ms: while it lasts, its end tells at once that the peer is gone. */
const idleMs = 3_600_000;

interface Entry {
  readonly endpoint: Endpoint;
  /** Who is reached there. */
  readonly peers: Set<NodeId>;
}

/** The endpoints in use, and what their connections tell of the peers behind them. */
export class Endpoints {
  readonly #host: ChannelHost;
  readonly #connections: number;
  readonly #dialer: Dialer;
  #Pool: typeof Pool | undefined;
  readonly #entries = new Map<string, Entry>();
  readonly #reported = new Map<NodeId, MediumEvent["state"]>();

  constructor(host: ChannelHost, { connections, connectTimeoutMs }: Settings) {
    this.#host = host;
    this.#connections = connections;
    this.#dialer = new Dialer(connectTimeoutMs);
  }

  /** Whether `at` may be called: see `load`. */
  get loaded(): boolean {
    return this.#Pool !== undefined;
  }

  /** Loads undici, which takes longer than all the rest of a node's start: whoever only receives, or has no peer yet, never waits for it. */
  async load(): Promise<void> {
    this.#Pool ??= (await import("undici")).Pool;
  }

  /** The endpoint at `target`, for a frame to `peer`. */
  at(target: Target, peer: NodeId): Endpoint {
    const entry = this.#entries.get(target.url) ?? this.#make(target);
    entry.peers.add(peer);
    return entry.endpoint;
  }

  /** Tells the daemon, if it is news. */
  report(peer: NodeId, state: MediumEvent["state"], reason: string): void {
    if (this.#reported.get(peer) === state) return;
    this.#reported.set(peer, state);
    this.#host.report({ state, peer, reason });
  }

  /** Ends every connection and every send. */
  async close(): Promise<void> {
    const entries = [...this.#entries.values()];
    this.#entries.clear();
    await Promise.all(entries.map(({ endpoint }) => endpoint.close()));
    await this.#dialer.close();
  }

  #make({ url, origin, path }: Target): Entry {
    if (this.#Pool === undefined) throw new TypeError("load() comes before at()");
    const pool = new this.#Pool(origin, {
      connections: this.#connections,
      pipelining: 1,
      connect: this.#dialer.dial,
      // A request has the time that its sender's signal gives it.
      headersTimeout: 0,
      bodyTimeout: 0,
      keepAliveTimeout: idleMs,
      keepAliveMaxTimeout: idleMs,
      maxResponseSize: maxResponseBytes,
      maxHeaderSize: 8_192,
    });
    const peers = new Set<NodeId>();
    const endpoint: Endpoint = new Endpoint(pool, path, this.#connections, {
      up: () => {
        for (const peer of peers) this.report(peer, "up", `connected to ${origin}`);
      },
      lost: (reason) => {
        this.#host.count("lost_connections");
        for (const peer of peers) {
          if (!this.#isConnected(peer)) this.report(peer, "down", `connection to ${origin} lost: ${reason}`);
        }
      },
      refused: () => this.#host.count("connect_errors"),
      malformed: () => this.#host.count("malformed_answers"),
      idle: () => {
        if (this.#entries.get(url)?.endpoint === endpoint) this.#entries.delete(url);
        void endpoint.close();
      },
    });
    const entry = { endpoint, peers };
    this.#entries.set(url, entry);
    return entry;
  }

  #isConnected(peer: NodeId): boolean {
    return [...this.#entries.values()].some(({ endpoint, peers }) => endpoint.connected && peers.has(peer));
  }
}
