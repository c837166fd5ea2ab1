import type { NodeId, PacketId } from "@multifleet/core";
import type { Attempt, Item, MessageState } from "@multifleet/mailbox";
import type { NatsRequest } from "./nats/settings.js";
import type { NatsServerView } from "./nats/view.js";
import type { RosterView } from "./roster/view.js";

/** A message to be sent, as the local API or an embedding program gives it. Unknown or ill-typed members never get this far. */
export interface SendRequest {
  readonly id?: string;
  readonly type: "context" | "task" | "reply" | "alert";
  /** A node, or `node/session`. `@gpu`: the best live node that has this capability. `all` makes one message for each peer. Empty only for a reply: then it goes where `replyTo` came from. */
  readonly to?: string;
  readonly payload: { readonly subject: string; readonly body: string };
  /** The agent session that sends it. */
  readonly session?: string;
  readonly replyTo?: string;
  readonly key?: string;
  /** A duration such as `90s`, `1h`, `7d`, or an RFC 3339 time. */
  readonly expires?: string;
  /** Only by this channel. */
  readonly via?: string;
  readonly idempotent?: boolean;
}

/** A message as its sender sees it. */
export interface MessageView {
  readonly id: PacketId;
  readonly state: MessageState | "surfaced";
  readonly type: string;
  readonly from: NodeId;
  readonly to: NodeId;
  readonly subject: string;
  readonly session?: string;
  readonly to_session?: string;
  readonly reply_to?: PacketId;
  readonly key?: string;
  readonly created: string;
  readonly expires: string;
  readonly settled?: string;
  readonly surfaced?: string;
  /** Why it was rejected or expired, or why it is still waiting. */
  readonly reason?: string;
  readonly attempts: readonly Attempt[];
  /** Present once the receiver's receipt is held: what it covers and says, and the sealed bytes in base64 as proof. */
  readonly receipt?: {
    readonly from: NodeId;
    readonly outcome: string;
    readonly digest: string;
    readonly sealed: string;
  };
}

/** What `send` answers. For `all`, `messages` has one entry for each peer, and `id` and `state` are the first's; for `@gpu`, one. */
export interface SendAnswer {
  readonly id: PacketId;
  readonly state: MessageState | "surfaced";
  readonly reason?: string;
  readonly messages?: readonly { readonly id: PacketId; readonly to: NodeId; readonly state: string }[];
}

/** One channel to one peer, as known now. */
export interface PathView {
  readonly channel: string;
  /** As people know it: `P2`. */
  readonly rank: string;
  readonly effect: string;
  readonly state: "up" | "unknown" | "suspect" | "down" | "unreachable";
  readonly since?: string;
  readonly reason?: string;
  readonly latency_ms?: number;
}

/** A fleet member as this node knows it. */
export interface PeerView {
  readonly node: NodeId;
  readonly last_seen?: string;
  readonly version?: string;
  /** How far its clock was ahead of ours at its newest hello, in milliseconds. */
  readonly clock_offset_ms?: number;
  readonly pending: number;
  readonly channels: readonly PathView[];
}

/** One line of `check`: what a signed probe over one channel to one peer came to. */
export interface CheckRow extends PathView {
  readonly peer: NodeId;
  /** Whether the peer itself has answered. */
  readonly works: boolean;
  /** `stored`: a middleman has the probe and the peer has not answered yet. `not_tried`: it would have woken the machine. */
  readonly outcome: "answered" | "stored" | "woke" | "failed" | "not_tried";
  readonly ms?: number;
  readonly remedy?: string;
}

/** The answer of `GET /health`. */
export interface HealthView {
  readonly status: "ok" | "degraded" | "failed";
  readonly node: NodeId;
  readonly fleet: string;
  readonly version: string;
  readonly uptime_s: number;
  /** Why it is not ok, one sentence each. */
  readonly reasons: readonly string[];
  readonly counters: Readonly<Record<string, number>>;
  /** Those of `counters` that are zero in a healthy node. */
  readonly error_counters: Readonly<Record<string, number>>;
  readonly channels: Readonly<
    Record<
      string,
      {
        readonly state: string;
        readonly since: string;
        readonly reason?: string;
        readonly rank: string;
        readonly effect: string;
        /** What the medium says of itself. */
        readonly medium?: Readonly<Record<string, unknown>>;
      }
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
  /** What the NATS server says of its streams; without one, empty. */
  readonly jetstream: Readonly<Record<string, unknown>>;
  readonly store: Readonly<Record<string, unknown>>;
  readonly nats_server: NatsServerView;
}

/** Something that happened, for `GET /events`. */
export interface NodeEvent {
  /** Rises by one; what `Last-Event-ID` names. */
  readonly id: number;
  readonly type: "message" | "inbox" | "channel" | "peer";
  readonly at: string;
  readonly data: Readonly<Record<string, unknown>>;
}

/** The newest events of a node, and those to come. */
export interface EventSource {
  /** Events after `after` that are still held; `undefined` when some of them are gone already. */
  since(after: number): readonly NodeEvent[] | undefined;
  readonly last: number;
  /** @returns What ends it. `listener` must not throw. */
  subscribe(listener: (event: NodeEvent) => void): () => void;
}

/** A running node: what the local API serves and what an embedding program holds. Methods reject with {@link Problem}. */
export interface FleetNode {
  readonly name: NodeId;
  readonly version: string;
  readonly home: string;
  readonly events: EventSource;

  send(request: SendRequest): Promise<SendAnswer>;
  message(id: string): MessageView;
  messages(filter: { readonly state?: MessageState; readonly limit: number }): readonly MessageView[];
  /** Resolves with the message once it is in `state` or beyond or has ended otherwise, or when `signal` fires. */
  wait(id: string, state: "delivered" | "surfaced" | "settled", signal: AbortSignal): Promise<MessageView>;
  cancel(id: string): Promise<MessageView>;
  inbox(filter: {
    readonly after?: number;
    readonly session?: string;
    readonly unsurfaced?: boolean;
    readonly limit: number;
  }): readonly Item[];
  item(id: string): Item;
  surface(id: string): Promise<{ readonly id: string; readonly state: "surfaced" }>;
  remove(id: string): Promise<void>;
  deadLetters(limit: number): readonly MessageView[];
  /** Sends a dead letter's content again, as a new message. */
  retry(id: string): Promise<SendAnswer>;
  peers(): readonly PeerView[];
  /** Who is alive, what each can do and who is chief. */
  roster(): Promise<RosterView>;
  check(
    filter: { readonly peer?: string; readonly channel?: string },
    signal: AbortSignal,
  ): Promise<readonly CheckRow[]>;
  /** Reads now what media hold that cannot push, such as a git remote; what comes of it arrives as any other message. */
  fetch(): void;
  health(): HealthView;
  /** OpenMetrics text. */
  metrics(): string;
  /** @param lan Opens the packet listener to other machines, where it is on loopback only. */
  invite(options: { readonly uses: number; readonly expires: string; readonly lan: boolean }): Promise<{
    readonly code: string;
    readonly expires: string;
    readonly uses: number;
    readonly addresses: readonly string[];
    /** Said when the code works on this machine only, and how to change that. */
    readonly note?: string;
  }>;
  /** Becomes a member of the fleet that the code is for, under `node` if given. */
  join(options: { readonly code: string; readonly node?: string }): Promise<{
    readonly node: NodeId;
    readonly fleet: string;
    readonly peers: readonly NodeId[];
  }>;
  /** The node's own nats-server. */
  natsServer(): NatsServerView;
  /** Sets up the node's own nats-server, starts it, and uses it. Without any member: as it was set up the last time. */
  natsUp(request: NatsRequest): Promise<NatsServerView>;
  /** Ends the node's own nats-server for good. @param purge Removes its streams and settings too. */
  natsDown(options: { readonly purge: boolean }): Promise<NatsServerView>;
  /** Ends everything; loses nothing. */
  close(): Promise<void>;
}
