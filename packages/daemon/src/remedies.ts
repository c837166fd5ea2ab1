import type { ChannelErrorCode, Link, NodeId } from "@multifleet/core";

/** How trying a channel went wrong: it is not open, it knows no way, or what its medium said. */
export type Trouble = "closed" | "no_address" | "not_answered" | ChannelErrorCode;

/** What mends each channel's usual troubles; `PEER` stands for the peer's name. */
const byChannel: Readonly<Record<string, Partial<Record<Trouble, string>>>> = {
  http: {
    no_address: "start multifleet-daemon on PEER, so that it tells where it is",
    UNREACHABLE:
      "on PEER: is multifleet-daemon running, and its packet listener open to this machine? multifleet invite --lan opens it; a firewall must let its port through",
    TIMEOUT:
      "is PEER awake, and does a firewall between you drop its packet listener's port? On PEER: multifleet doctor",
  },
  nats: {
    UNREACHABLE: "on PEER: does its daemon use the same nats-server? multifleet check there tells",
    CLOSED: "is nats-server running? multifleet nats status",
    DENIED: "the nats-server refuses this login: see channels.nats in config.json",
  },
  jetstream: {
    no_address:
      "the nats-server has no JetStream: start it with -js, or let this node start one: multifleet nats up",
    CLOSED: "is nats-server running? multifleet nats status",
    DENIED:
      "the login may not use JetStream: see channels.nats in config.json, and the account on the server",
  },
  relay: {
    no_address:
      "a relay takes a third node, one that reaches PEER and is reached from here: multifleet peers",
    UNREACHABLE: "no other node that is reached from here reaches PEER",
  },
  "relay-store": { no_address: "a relay takes a third node that is reached from here: multifleet peers" },
  seed: {
    no_address:
      'for a peer on another machine, name its ssh host in config.json: {"peers":{"PEER":{"ssh":"user@host"}}}',
    UNREACHABLE: "does ssh to that host work? Try: ssh -v HOST true",
    DENIED: "the reason says which command lets ssh in",
  },
  ssh: {
    no_address: 'name the peer\'s ssh host in config.json: {"peers":{"PEER":{"ssh":"user@host"}}}',
    UNREACHABLE: "does ssh to that host work? Try: ssh -v HOST true",
    DENIED: "the reason says which command lets ssh in",
  },
  wol: {
    no_address:
      'no MAC address of PEER is known: start its daemon once with @multifleet/channel-wol installed, or name it: {"peers":{"PEER":{"wol":"aa:bb:cc:dd:ee:ff"}}}',
  },
  git: {
    no_address:
      'name a remote in config.json, the same on both: {"channels":{"git":{"remote":"git@host:you/mailbox.git"}}}',
    DENIED: "git's own credentials do not open the remote: try git ls-remote with its address",
  },
  discord: { DENIED: "the bot's token or its rights in the channel: docs/discord.md" },
  ipc: { no_address: "works only between nodes of one user on one machine" },
};

const byTrouble: Partial<Record<Trouble, string>> = {
  closed: "multifleet doctor",
  not_answered:
    "it is read at PEER's next event: its start, a wake-up, its network coming back, multifleet inbox --fetch",
  TOO_LARGE: "this channel carries no message of that size; others do",
};

/** What to do about a channel that did not work, as one line. */
export function remedyFor(channel: string, trouble: Trouble, peer: NodeId): string {
  const text = byChannel[channel]?.[trouble] ?? byTrouble[trouble] ?? "multifleet doctor";
  return text.replaceAll("PEER", peer);
}

/** The trouble of a channel that cannot even be tried; undefined where it can. */
export function untriable(link: Link | undefined, peer: NodeId): Trouble | undefined {
  if (link === undefined) return "closed";
  return link.reaches(peer) ? undefined : "no_address";
}
