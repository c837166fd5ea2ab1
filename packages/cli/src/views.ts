/** What the local API answers, as far as this program shows it. The node's own declaration of these is the reference. */

export interface AttemptView {
  readonly channel: string;
  readonly rank?: string;
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly ms?: number;
  readonly outcome?: string;
  readonly reason?: string;
}

export interface MessageView {
  readonly id: string;
  readonly state: string;
  readonly type: string;
  readonly from: string;
  readonly to: string;
  readonly subject: string;
  readonly session?: string;
  readonly to_session?: string;
  readonly reply_to?: string;
  readonly key?: string;
  readonly created: string;
  readonly expires: string;
  readonly settled?: string;
  readonly surfaced?: string;
  readonly reason?: string;
  readonly attempts: readonly AttemptView[];
  readonly receipt?: { readonly from: string; readonly outcome: string; readonly digest: string };
}

export interface SendAnswer {
  readonly id: string;
  readonly state: string;
  readonly reason?: string;
  readonly messages?: readonly { readonly id: string; readonly to: string; readonly state: string }[];
}

export interface InboxItem {
  readonly id: string;
  readonly state: string;
  readonly position: number;
  readonly from: string;
  readonly type: string;
  readonly subject: string;
  readonly body: string;
  readonly session?: string;
  readonly to_session?: string;
  readonly reply_to?: string;
  readonly channel: string;
  readonly created: string;
  readonly received: string;
  readonly surfaced?: string;
}

export interface PathView {
  readonly channel: string;
  readonly rank: string;
  readonly effect: string;
  readonly state: string;
  readonly reason?: string;
  readonly latency_ms?: number;
}

export interface PeerView {
  readonly node: string;
  readonly last_seen?: string;
  readonly version?: string;
  readonly clock_offset_ms?: number;
  readonly pending: number;
  readonly channels: readonly PathView[];
}

/** What the nodes of the fleet say of themselves. */
export interface RosterView {
  readonly chief?: string;
  readonly term: number;
  readonly nodes: readonly {
    readonly node: string;
    readonly self?: boolean;
    readonly alive: boolean;
    readonly chief: boolean;
    readonly capabilities: readonly string[];
    readonly tools: Readonly<Record<string, string>>;
  }[];
}

export interface CheckRow extends PathView {
  readonly peer: string;
  readonly works: boolean;
  readonly outcome: string;
  readonly ms?: number;
  readonly remedy?: string;
}

export interface HealthView {
  readonly status: string;
  readonly node: string;
  readonly fleet: string;
  readonly version: string;
  readonly uptime_s: number;
  readonly reasons: readonly string[];
  readonly counters: Readonly<Record<string, number>>;
  readonly error_counters: Readonly<Record<string, number>>;
  readonly channels: Readonly<
    Record<
      string,
      Omit<PathView, "channel" | "latency_ms"> & { readonly medium?: Readonly<Record<string, unknown>> }
    >
  >;
  readonly peers: Readonly<
    Record<
      string,
      Omit<PeerView, "node" | "channels"> & {
        readonly channels: Readonly<Record<string, Omit<PathView, "channel">>>;
      }
    >
  >;
  readonly messages: Readonly<Record<string, number>>;
  readonly store: Readonly<Record<string, unknown>>;
}

export interface InviteAnswer {
  readonly code: string;
  readonly expires: string;
  readonly uses: number;
  readonly addresses: readonly string[];
  readonly note?: string;
}

export interface JoinAnswer {
  readonly node: string;
  readonly fleet: string;
  readonly peers: readonly string[];
}

/** The node's own nats-server. */
export interface NatsServerView {
  readonly state: string;
  readonly since?: string;
  readonly reason?: string;
  readonly pid?: number;
  readonly version?: string;
  readonly restarts?: number;
  readonly role?: string;
  readonly server?: string;
  readonly listen?: string;
  readonly domain?: string;
  readonly hub?: string;
  readonly cluster?: { readonly name: string; readonly listen: string; readonly routes: readonly string[] };
  readonly leafnodes?: string;
  readonly shared?: readonly string[];
  readonly config?: string;
  readonly store?: string;
  readonly log?: string;
}
