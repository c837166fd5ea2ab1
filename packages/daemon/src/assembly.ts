import { open, type NodeId } from "@multifleet/core";
import { createCascade } from "@multifleet/cascade";
import { ChannelChanges } from "./channels/changes.js";
import { ownChannels, rebuiltListener } from "./channels/own-channels.js";
import { natsOptions } from "./channels/own-options.js";
import { PacketListener } from "./channels/packet-listener.js";
import { Reach } from "./channels/reach.js";
import { selfChannel } from "./channels/self.js";
import { Supervisor } from "./channels/supervisor.js";
import { Checks } from "./check.js";
import { EventLog } from "./events.js";
import { Admissions } from "./fleet/admission.js";
import { Inviting } from "./fleet/inviting.js";
import { Joining } from "./fleet/joining.js";
import { Notices } from "./fleet/notices.js";
import { Waking } from "./fleet/waking.js";
import { Hellos } from "./hello.js";
import { Life } from "./life.js";
import { Carriage } from "./messages/carriage.js";
import { Door, type Way } from "./messages/door.js";
import { Encryption } from "./messages/encryption.js";
import { Hearing } from "./messages/hearing.js";
import { Inbox } from "./messages/inbox.js";
import { IncomingReceipts } from "./messages/incoming-receipts.js";
import { Post } from "./messages/post.js";
import { Receipts } from "./messages/receipts.js";
import { Sealing } from "./messages/sealing.js";
import { Sending } from "./messages/sending.js";
import { serverKind } from "./nats/local-server.js";
import { NatsChannels } from "./nats/nats-channels.js";
import type { Parts } from "./parts.js";
import { Peers, type Addresses } from "./peers.js";
import { relayName } from "./relay/names.js";
import { Relays } from "./relay/relays.js";
import { LatePresence } from "./roster/late-presence.js";

/** A node put together, and not started yet. */
export type Assembly = ReturnType<typeof assemble>;

/** Makes a node's parts and ties them: each is given what it asks for, and knows nothing else of the others. */
export function assemble(parts: Parts) {
  // A part whose type is written out is spoken of before it is made: the two need each other.
  const { config, fleet, mailbox, nats } = parts;
  const now = Date.now;
  const events = new EventLog(now());
  const cascade = createCascade({ random: Math.random });
  const health = (peer: NodeId) => cascade.health(peer);
  const encryption = new Encryption(parts);
  const decrypt: Encryption["decrypt"] = (packet) => encryption.decrypt(packet);
  const sealing = new Sealing(fleet, mailbox.stream, (peer) => mailbox.base(peer));
  const peers = new Peers(mailbox, config.peers);
  const receive = (bytes: Uint8Array, way: Way) => door.receive(bytes, way);
  const supervisor = new Supervisor({
    ...parts,
    ...{ random: Math.random, now },
    node: () => fleet.node,
    fleet: () => fleet.fleet,
    receive: (bytes, { name, traits }) => receive(bytes, { name, effect: traits.effect }),
    addresses: (to, channel) => peers.addresses(to, channel),
    opened: (channel, link) => changes.opened(channel, link),
    closed: (channel, reason) => changes.closed(channel, reason),
    medium: (channel, event) => changes.medium(channel, event),
  });
  const link = (channel: string) => supervisor.link(channel);
  const reach = new Reach({ supervisor, health });
  const deliverers = (peer: NodeId) => reach.deliverers(peer);
  /** Where this node is reached, by channel; and, where it shares one, its NATS server. */
  const addresses = (): Addresses => {
    const shared = nats.shared();
    return { ...supervisor.addresses(), ...(shared.length > 0 ? { [serverKind]: shared } : {}) };
  };
  const sayHello = () => hellos.say(fleet.peers);
  const common = { ...parts, now, events, sealing, peers, supervisor, reach, health, link, addresses };

  const carriage = new Carriage({
    ...{ ...common, cascade },
    sealed: (id) => mailbox.sealed(id),
    answered: (id, answer, believed) => incoming.answered(id, answer, believed),
    carried: (id, attempts) => post.carried(id, attempts),
    expired: (id, doubtful) => post.expired(id, doubtful),
  });
  const post: Post = new Post({
    ...{ ...common, carriage, decrypt },
    encrypt: (body, to, id) => encryption.encrypt(body, to, id),
  });
  const pendingTo = (peer: NodeId) => post.pendingTo(peer);
  const receipts = new Receipts({ ...common, carriage });
  const waking = new Waking({ ...common, post, deliverers });
  const relays = new Relays({
    ...{ ...common, carriage, receive, pendingTo },
    on: () => supervisor.states().some(({ channel }) => channel.name === relayName),
    direct: () => reach.direct().map(({ name }) => name),
    health: (peer, among) => cascade.health(peer, among),
    likely: (to) => presence.now?.likely(to) ?? [],
    greet: (peer) => hellos.sayVia(peer, relayName),
  });
  const hellos: Hellos = new Hellos({
    ...{ ...common, carriage, deliverers },
    read: (answer) => {
      const opened = open(answer, fleet);
      return opened.ok ? opened.packet : undefined;
    },
    heard: (packet, name) => hearing.heard(packet, { name, effect: "delivers" }),
    hears: () => relays.hears(),
    told: (peer, hears) => relays.told(peer, hears),
    unreached: (peer) => relays.unreached(peer),
    behind: (peer) => notices.sendMembership([peer]),
    word: (peer) => presence.now?.word(peer),
    learn: (peer, word) => presence.now?.learn(peer, word),
  });
  const presence: LatePresence = new LatePresence({
    ...{ ...common, pendingTo },
    boards: () => reach.boards(),
    working: (peer) => reach.working(peer),
    keepAlive: (peer, within) =>
      hellos.keepAlive(peer, [...reach.deliverers(peer), ...reach.relayed()], within),
    lastSeen: (node) => peers.lastSeen(node),
  });

  const own: Parts = { ...parts, waking: waking.options, forwarder: relays.forwarding };
  const rebuilt = (port?: number) => rebuiltListener(own, port);
  const http = config.channels?.["http"];
  const listener = new PacketListener({
    ...{ ...common, rebuilt, moved: sayHello },
    fixed: (typeof http === "object" && http["host"] !== undefined) || parts.channels !== undefined,
  });
  const natsChannels = new NatsChannels({
    ...common,
    options: () => natsOptions(own),
    made: async () =>
      parts.channels === undefined ? (await ownChannels(own, undefined, "nats")).channels : undefined,
    served: sayHello,
  });
  const changes: ChannelChanges = new ChannelChanges({ ...common, carriage, hellos, presence, relays });

  const checks = new Checks({
    ...common,
    states: () => reach.shown(),
    hints: (peer, channel) => peers.hints(peer, channel),
  });
  const incoming: IncomingReceipts = new IncomingReceipts({ ...common, checks, post, presence });
  const hearing: Hearing = new Hearing({ ...common, carriage, receipts, relays, presence, natsChannels });
  const notices: Notices = new Notices({ ...common, hellos, post, presence });
  const inbox = new Inbox({ ...common, surfaced: (item) => notices.surfaced(item) });
  const sending = new Sending({ ...common, post, presence });
  const admissions = new Admissions({ ...common, admitted: (node) => notices.admitted(node) });
  const inviting = new Inviting({ ...common, admissions, listener });
  const joining = new Joining({
    ...{ ...common, hellos, listener, stream: mailbox.stream },
    renew: async () => {
      await changes.quietly(async () => supervisor.reopen(await rebuilt()));
      await nats.renew();
      await natsChannels.renew();
      presence.now?.renew();
    },
  });
  const door: Door = new Door({
    ...{ ...common, decrypt },
    invited: (bytes) => admissions.receive(bytes),
    heard: (packet, way) => hearing.heard(packet, way),
    arrived: (packet, way) => inbox.arrived(packet, way),
    notice: (packet) => notices.take(packet),
    wake: (packet) => waking.take(packet),
    receipt: (opened, bytes) => incoming.take(opened, bytes),
    hello: (packet) => hellos.take(packet),
    relay: (packet, way) => relays.take(packet, way),
    owing: ({ packet, digest }) => {
      if (packet.kind === "probe") receipts.answerProbe(packet.from, packet.id, digest);
      else receipts.pay(packet.from);
    },
  });
  const life = new Life({
    ...{ ...common, carriage, changes, hellos, listener, natsChannels, post, presence, receipts, relays },
    own: () => ownChannels(own),
    self: selfChannel(receive),
  });
  return {
    checks,
    events,
    inbox,
    inviting,
    joining,
    life,
    natsChannels,
    peers,
    post,
    presence,
    reach,
    sending,
    supervisor,
  };
}
