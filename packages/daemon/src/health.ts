import type { Link, NodeId } from "@multifleet/core";
import type { Mailbox } from "@multifleet/mailbox";
import type { NodeCounters } from "./books.js";
import { rankName } from "./channels/catalog.js";
import type { ChannelState } from "./channels/supervisor.js";
import type { Fleet } from "./fleet/fleet.js";
import type { LocalServer } from "./nats/local-server.js";
import type { HealthView, PeerView } from "./node.js";
import { relayNames } from "./relay/names.js";

export interface HealthHost {
  readonly counters: NodeCounters;
  readonly fleet: Fleet;
  readonly mailbox: Mailbox;
  readonly version: string;
  readonly nats: LocalServer;
  readonly startedAt: number;
  readonly skipped: readonly { readonly name: string; readonly reason: string }[];
  now(): number;
  states(): readonly ChannelState[];
  peers(): readonly PeerView[];
  link(channel: string): Link | undefined;
}

/** How a node is, from what it knows: nothing is probed for it. */
export function healthView(host: HealthHost): HealthView {
  const { counters, fleet, mailbox } = host;
  const store = mailbox.stats();
  const states = host.states();
  const server = host.nats.view();
  // What goes through others goes nowhere by itself.
  const own = states.filter(({ channel }) => !relayNames.includes(channel.name));
  const open = own.some(({ state }) => state === "open");
  const reasons = [
    ...(store.failing === undefined ? [] : [storeReason(store.failing)]),
    ...(open ? [] : ["no channel is open"]),
    ...states
      .filter(({ state }) => state !== "open")
      .map(({ channel, state, reason }) => `channel ${channel.name} is ${state}: ${reason}`),
    ...host.skipped.map(({ reason }) => reason),
    ...(server.reason === undefined ? [] : [`the nats-server is ${server.state}: ${server.reason}`]),
  ];
  const failed = store.failing !== undefined || !open;
  return {
    status: failed ? "failed" : reasons.length > 0 ? "degraded" : "ok",
    node: fleet.node,
    fleet: fleet.fleet,
    version: host.version,
    uptime_s: Math.round((host.now() - host.startedAt) / 1_000),
    reasons,
    counters: counters.totals(),
    error_counters: counters.totals("error"),
    channels: Object.fromEntries(
      states.map((state) => [state.channel.name, channelView(state, host.link(state.channel.name))]),
    ),
    peers: Object.fromEntries(host.peers().map((peer) => [peer.node, byChannel(peer)])),
    messages: { ...mailbox.books() },
    jetstream: { ...host.link("jetstream")?.status?.() },
    store: { ...store },
    nats_server: server,
  };
}

function channelView(
  { channel, state, since, reason }: ChannelState,
  link: Link | undefined,
): HealthView["channels"][string] {
  const medium = link?.status?.();
  return {
    ...(medium === undefined ? {} : { medium }),
    ...{
      state,
      since: new Date(since).toISOString(),
      rank: rankName(channel),
      effect: channel.traits.effect,
    },
    ...(reason === "" ? {} : { reason }),
  };
}

function byChannel({ node: _, channels, ...peer }: PeerView): HealthView["peers"][string] {
  return { ...peer, channels: Object.fromEntries(channels.map(({ channel, ...path }) => [channel, path])) };
}

function storeReason(code: string): string {
  return code === "FULL"
    ? "the disk is full: nothing can be accepted or received; free some space"
    : `the store failed (${code}); see the log`;
}

/** The node's figures as OpenMetrics text. */
export function metricsText(host: HealthHost): string {
  const gauges: [string, string, number][] = [
    [
      "multifleet_uptime_seconds",
      "Seconds since the node started.",
      Math.round((host.now() - host.startedAt) / 1_000),
    ],
    ["multifleet_peers", "Other nodes of the fleet.", host.fleet.peers.length],
    [
      "multifleet_channels_open",
      "Channels that are open.",
      host.states().filter(({ state }) => state === "open").length,
    ],
    ["multifleet_store_bytes", "Bytes of the store on disk.", host.mailbox.stats().bytes],
    ...Object.entries(host.mailbox.books()).map(([state, count]): [string, string, number] => [
      `multifleet_outbox_${state}`,
      `Messages of the outbox that are counted as ${state}.`,
      count,
    ]),
  ];
  const text = gauges
    .map(([name, help, value]) => `# TYPE ${name} gauge\n# HELP ${name} ${help}\n${name} ${value}\n`)
    .join("");
  return `${host.counters.openMetrics()}${text}# EOF\n`;
}

/** The other members as this node knows them. */
export function peerView(
  node: NodeId,
  known: {
    readonly lastSeen: number | undefined;
    readonly version: string | undefined;
    readonly clockOffset: number | undefined;
    readonly pending: number;
  },
  channels: PeerView["channels"],
): PeerView {
  return {
    node,
    ...(known.lastSeen === undefined ? {} : { last_seen: new Date(known.lastSeen).toISOString() }),
    ...(known.version === undefined ? {} : { version: known.version }),
    ...(known.clockOffset === undefined ? {} : { clock_offset_ms: known.clockOffset }),
    pending: known.pending,
    channels,
  };
}
