import type { ChannelErrorCode, Link, NodeId } from "@multifleet/core";

/** How trying a channel went wrong: it is not open, it knows no way, or what its medium said. */
export type Trouble = "closed" | "no_address" | "bad_hint" | "nowhere" | "not_answered" | ChannelErrorCode;

const badSshHint =
  'write what you would type after ssh, such as {"peers":{"PEER":{"ssh":"user@host"}}}, and start the daemon anew';

/** What mends each channel's usual troubles; `PEER` stands for the peer's name, `HOST` for where the config says it is. */
const byChannel: Readonly<Record<string, Partial<Record<Trouble, string>>>> = {
  http: {
    no_address: "start multifleet-daemon on PEER, so that it tells where it is",
    UNREACHABLE:
      "on PEER: is multifleet-daemon running, and its packet listener open to this machine? multifleet invite --lan opens it; a firewall must let its port through",
    TIMEOUT:
      "is PEER awake, and does a firewall between you drop its packet listener's port? On PEER: multifleet doctor",
  },
  nats: {
    UNREACHABLE: "does PEER's daemon run, and use the same nats-server? On PEER: multifleet doctor",
    CLOSED: "is nats-server running? multifleet nats status",
    DENIED: "the nats-server refuses this login: see channels.nats in config.json",
  },
  jetstream: {
    no_address:
      "the nats-server has no JetStream: start it with -js, or let this node start one: multifleet nats up",
    not_answered: "PEER is away, or does not use the same nats-server. On PEER: multifleet doctor",
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
    bad_hint: badSshHint,
    UNREACHABLE: "does ssh get there without a question? Try: ssh -v HOST exit",
    DENIED: "the reason says which command lets ssh in",
  },
  ssh: {
    no_address: 'name the peer\'s ssh host in config.json: {"peers":{"PEER":{"ssh":"user@host"}}}',
    bad_hint: badSshHint,
    UNREACHABLE:
      "does multifleet-daemon run on PEER, and does ssh get there without a question? Try: ssh -v HOST exit",
    DENIED: "the reason says which command lets ssh in",
  },
  wol: {
    nowhere: "PEER tells no card but those of this machine: a node that is on it too needs no waking",
    bad_hint:
      'write it as {"peers":{"PEER":{"wol":"aa:bb:cc:dd:ee:ff"}}}, with an address of PEER\'s card and not of this machine\'s',
    no_address:
      'no MAC address of PEER is known: start its daemon once with @multifleet/channel-wol installed, or name it: {"peers":{"PEER":{"wol":"aa:bb:cc:dd:ee:ff"}}}',
  },
  git: {
    no_address:
      'name a remote in config.json, the same on both: {"channels":{"git":{"remote":"git@host:you/mailbox.git"}}}',
    UNREACHABLE: "does git get there without a question? Try git ls-remote with its address",
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

/** What brings a channel of ours into being that this node does not have. */
const howToHave: Readonly<Record<string, string>> = {
  discord: "docs/discord.md says what it takes",
  nats: "name a server in channels.nats of config.json or in NATS_URL, or start one with: multifleet nats up",
  jetstream: "it comes with nats: multifleet nats up",
  ssh: 'name the ssh host of a peer in config.json, {"peers":{"NAME":{"ssh":"user@host"}}}, and start the daemon anew',
  wol: "install @multifleet/channel-wol beside the daemon, and start the daemon anew",
  git: 'name a remote in config.json, {"channels":{"git":{"remote":"git@host:me/mail.git"}}}, and start the daemon anew',
};

/** Says that this node has no such channel, what it has, and how it could have one of ours. */
export function noChannel(channel: string, has: readonly string[]): string {
  const how = howToHave[channel];
  return `this node has no channel ${channel}${how === undefined ? "" : ` (${how})`}; it has ${has.join(", ")}`;
}

/** What to do about a channel that did not work, as one line. @param hosts Where the config says that ssh leads to the peer */
export function remedyFor(
  channel: string,
  trouble: Trouble,
  peer: NodeId,
  hosts: readonly string[] = [],
): string {
  const text =
    byChannel[channel]?.[trouble] ??
    (trouble === "bad_hint" || trouble === "nowhere" ? byChannel[channel]?.no_address : undefined) ??
    byTrouble[trouble] ??
    "multifleet doctor";
  const host = hosts.find((each) => typable.test(each)) ?? "HOST";
  return text.replaceAll("PEER", peer).replaceAll("HOST", asTyped(host));
}

/** What is a host for ssh, and nothing else for a shell. */
const typable = /^(?:ssh:\/\/)?[\w.@:[\]-]+$/;

/** `ssh` takes a port in a URL only. */
function asTyped(host: string): string {
  return /^[^:/[\]]+:\d+$/.test(host) ? `ssh://${host}` : host;
}

/** The trouble of a channel that cannot even be tried; undefined where it can. @param lost What it is where the channel knows no way */
export function untriable(link: Link | undefined, peer: NodeId, lost: Trouble): Trouble | undefined {
  if (link === undefined) return "closed";
  return link.reaches(peer) ? undefined : lost;
}
