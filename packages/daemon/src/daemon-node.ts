import {
  open,
  type Channel,
  type Link,
  type NodeId,
  type Opened,
  type Packet,
  type PacketId,
} from "@multifleet/core";
import { isNodeId, isPacketId, newPacketId } from "@multifleet/core";
import { createCascade, type Carrier } from "@multifleet/cascade";
import type { Item, MessageState } from "@multifleet/mailbox";
import { background } from "./books.js";
import {
  isLoopback,
  keepHost,
  keepPort,
  listensBeyondLoopback,
  ownChannels,
  rebuiltListener,
} from "./channels/packet-listener.js";
import { natsOptions } from "./channels/own-options.js";
import { Supervisor } from "./channels/supervisor.js";
import { Checks } from "./check.js";
import { EventLog } from "./events.js";
import { StartFailure } from "./failure.js";
import { Admissions } from "./fleet/admission.js";
import { askToJoin } from "./fleet/joining.js";
import { membershipBody, readSurfaced, surfacedBody, takeMembership } from "./fleet/notices.js";
import { watchMachine, type MachineEvent } from "./machine/watch.js";
import { healthView, metricsText, peerView, type HealthHost } from "./health.js";
import { aliveType, Hellos } from "./hello.js";
import { Waking } from "./fleet/waking.js";
import { Carriage } from "./messages/carriage.js";
import { Door, type Way } from "./messages/door.js";
import { Post } from "./messages/post.js";
import { Receipts } from "./messages/receipts.js";
import { Sealing } from "./messages/sealing.js";
import { parseDuration } from "./messages/time.js";
import { serverKind } from "./nats/local-server.js";
import type { NatsRequest } from "./nats/settings.js";
import type { FleetNode, HealthView, PeerView, SendRequest } from "./node.js";
import type { Parts } from "./parts.js";
import { Peers, type Addresses } from "./peers.js";
import { Problem } from "./problem.js";
import { rankName } from "./channels/catalog.js";
import { relayName, relayNames } from "./relay/names.js";
import type { Presence } from "./roster/presence.js";
import type { RosterView } from "./roster/view.js";
import { Relays } from "./relay/relays.js";
import { noChannel } from "./remedies.js";
import { selfChannel, selfName } from "./channels/self.js";

type Verified = Extract<Opened, { ok: true }>;

/** A node: its parts, each knowing only what it asks for, put together and started. */
export class DaemonNode implements FleetNode, AsyncDisposable {
  readonly events: EventLog;
  readonly #parts: Parts;
  readonly #close: () => Promise<void>;
  readonly #startedAt = Date.now();
  readonly #cascade = createCascade({ random: Math.random });
  readonly #sealing: Sealing;
  readonly #peers: Peers;
  readonly #carriage: Carriage;
  readonly #post: Post;
  readonly #receipts: Receipts;
  readonly #door: Door;
  readonly #hellos: Hellos;
  readonly #checks: Checks;
  readonly #admissions: Admissions;
  readonly #waking: Waking;
  readonly #relays: Relays;
  /** Once it is loaded: nobody waits for it who waits for this node. */
  #presence: Presence | undefined;
  #loading: Promise<Presence | undefined> | undefined;
  #supervisor: Supervisor;
  #skipped: HealthHost["skipped"] = [];
  /** The channels that are of NATS. */
  #natsChannels: ReadonlySet<string> = new Set();
  #natsTurn: Promise<unknown> = Promise.resolve();
  #quiet = false;
  #ended = false;
  #unwatch = () => {};

  /** @param close Ends the node with everything around it, such as its local API. */
  constructor(parts: Parts, close: () => Promise<void>) {
    const { mailbox, fleet, config } = parts;
    this.#parts = parts;
    this.#close = close;
    this.events = new EventLog(this.#startedAt);
    this.#sealing = new Sealing(fleet, mailbox.stream, (peer) => mailbox.base(peer));
    this.#peers = new Peers(mailbox, config.peers);
    this.#supervisor = this.#supervise([]);
    const common = {
      ...parts,
      now: Date.now,
      sealing: this.#sealing,
      events: this.events,
      peers: this.#peers,
    };
    this.#carriage = new Carriage({
      ...common,
      cascade: this.#cascade,
      link: (channel) => this.#supervisor.link(channel),
      sealed: (id) => mailbox.sealed(id),
      answered: (id, answer, believed) => this.#answered(id, answer, believed),
      carried: (id, attempts) => this.#post.carried(id, attempts),
      expired: (id, doubtful) => this.#post.expired(id, doubtful),
    });
    this.#post = new Post({
      ...common,
      carriage: this.#carriage,
      encrypt: (body, to, id) => this.#encrypt(body, to, id),
      decrypt: (packet) => this.#decrypt(packet),
    });
    this.#receipts = new Receipts({ ...common, carriage: this.#carriage });
    this.#waking = new Waking({
      ...common,
      post: this.#post,
      deliverers: (peer) => this.#deliverers(peer),
      health: (peer) => this.#cascade.health(peer),
    });
    this.#relays = new Relays({
      ...common,
      carriage: this.#carriage,
      on: () => this.#supervisor.states().some(({ channel }) => channel.name === relayName),
      direct: () => this.#direct().map(({ name }) => name),
      health: (peer, among) => this.#cascade.health(peer, among),
      receive: (bytes, way) => this.#door.receive(bytes, way),
      likely: (to) => this.#presence?.likely(to) ?? [],
      pendingTo: (peer) => this.#post.pendingTo(peer),
      greet: (peer) => this.#hellos.sayVia(peer, relayName),
    });
    this.#parts = { ...parts, waking: this.#waking.options, forwarder: this.#relays.forwarding };
    const addresses = () => this.#addresses();
    this.#hellos = new Hellos({
      ...common,
      carriage: this.#carriage,
      addresses,
      deliverers: (peer) => this.#deliverers(peer),
      read: (answer) => {
        const opened = open(answer, fleet);
        return opened.ok ? opened.packet : undefined;
      },
      heard: (packet, name) => this.#heard(packet, { name, effect: "delivers" }),
      hears: () => this.#relays.hears(),
      told: (peer, hears) => this.#relays.told(peer, hears),
      unreached: (peer) => this.#relays.unreached(peer),
      behind: (peer) => this.#sendMembership([peer]),
      word: (peer) => this.#presence?.word(peer),
      learn: (peer, word) => this.#presence?.learn(peer, word),
    });
    this.#checks = new Checks({
      ...common,
      states: () => this.#shownStates(),
      link: (channel) => this.#supervisor.link(channel),
      health: (peer) => this.#cascade.health(peer),
      hints: (peer, channel) => this.#peers.hints(peer, channel),
    });
    this.#admissions = new Admissions({ ...common, addresses, admitted: (node) => this.#admitted(node) });
    this.#door = new Door({
      ...common,
      invited: (bytes) => this.#admissions.receive(bytes),
      heard: (packet, way) => this.#heard(packet, way),
      arrived: (packet, way) => this.#arrived(packet, way),
      notice: (packet) => this.#notice(packet),
      wake: (packet) => this.#waking.take(packet),
      receipt: (opened, bytes) => this.#receipt(opened, bytes),
      hello: (packet) => this.#hellos.take(packet),
      decrypt: (packet) => this.#decrypt(packet),
      relay: (packet, way) => this.#relays.take(packet, way),
      owing: ({ packet, digest }) => {
        if (packet.kind === "probe") this.#receipts.answerProbe(packet.from, packet.id, digest);
        else this.#receipts.pay(packet.from);
      },
    });
  }

  get name(): NodeId {
    return this.#parts.fleet.node;
  }

  get version(): string {
    return this.#parts.version;
  }

  get home(): string {
    return this.#parts.home.directory;
  }

  /** Opens the channels, and takes up what the last run left. @throws StartFailure */
  async start(): Promise<void> {
    this.#followServers();
    const { channels, configured, skipped, madeFor } = await ownChannels(this.#parts);
    this.#skipped = skipped;
    this.#natsChannels = new Set(channels.map(({ name }) => name).filter((n) => madeFor.get(n) === "nats"));
    this.#parts.nats.begin(() => this.#supervisor.wake(this.#natsChannels));
    for (const { name, reason } of skipped)
      this.#parts.log.warn("channel_skipped", { channel: name, reason });
    this.#supervisor = this.#supervise([
      ...channels,
      selfChannel((bytes, way) => this.#door.receive(bytes, way)),
    ]);
    await this.#quietly(() => this.#supervisor.open());
    await this.#settlePort(configured);
    for (const { channel, state, reason } of this.#supervisor.states()) {
      if (state === "misconfigured" && configured.has(channel.name))
        throw new StartFailure(`${this.#keyOf(channel.name, reason)}: ${reason}`);
    }
    this.#post.resume();
    this.#relays.resume();
  }

  /** The key of the config that a channel's refusal is about: seed files over SSH are refused for what stands in `channels.ssh`. */
  #keyOf(channel: string, reason: string): string {
    const names = Object.keys(this.#parts.config.channels ?? {});
    return `channels.${names.find((name) => reason.startsWith(`MISCONFIGURED: ${name}: `)) ?? channel}`;
  }

  /** Says hello to the peers, and what is still owed to them. Apart from `start`, so that nobody waits for it who waits for this node. */
  greet(): void {
    if (this.#ended) return;
    // The first hello is to have the roster's part already.
    const say = () => (this.#ended ? undefined : this.#hellos.say(this.#parts.fleet.peers));
    background(this.#load().finally(say), "roster", this.#parts);
    for (const peer of this.#parts.fleet.peers) this.#receipts.pay(peer);
    const { counters } = this.#parts;
    this.#unwatch = watchMachine(
      (event) => this.#machineChanged(event),
      (program) => counters.count("machine_watches_missing_total", program),
    );
  }

  /** Has the channels whose medium cannot push look for what it holds. */
  fetch(): void {
    this.#supervisor.poke();
  }

  send(request: SendRequest) {
    if (
      request.via !== undefined &&
      !this.#supervisor.states().some(({ channel }) => channel.name === request.via)
    ) {
      const names = this.#shownStates().map(({ channel }) => channel.name);
      throw new Problem(
        "bad_request",
        `via is ${JSON.stringify(request.via)}: ${noChannel(request.via, names)}`,
      );
    }
    if (request.session !== undefined) this.#presence?.session(request.session);
    return request.to?.startsWith("@") === true ? this.#sendToCapable(request) : this.#post.send(request);
  }

  message(id: string) {
    return this.#post.view(id);
  }

  messages(filter: { readonly state?: MessageState; readonly limit: number }) {
    return this.#post.views(this.#parts.mailbox.messages(filter));
  }

  wait(id: string, state: "delivered" | "surfaced" | "settled", signal: AbortSignal) {
    return this.#post.wait(id, state, signal);
  }

  cancel(id: string) {
    return this.#post.cancel(id);
  }

  inbox({ after, session, unsurfaced, limit }: Parameters<FleetNode["inbox"]>[0]): readonly Item[] {
    if (session !== undefined) this.#presence?.session(session);
    return this.#parts.mailbox.inbox({
      limit,
      ...(after === undefined ? {} : { after }),
      ...(session === undefined ? {} : { toSession: session }),
      ...(unsurfaced === undefined ? {} : { unsurfaced }),
    });
  }

  item(id: string): Item {
    const item = isPacketId(id) ? this.#parts.mailbox.item(id) : undefined;
    if (item === undefined)
      throw new Problem("unknown_item", `no inbox item has the id ${JSON.stringify(id)}`);
    return item;
  }

  /** An agent session was given the item; its sender is told, once. */
  async surface(id: string): Promise<{ readonly id: string; readonly state: "surfaced" }> {
    const item = this.item(id);
    if (await this.#parts.mailbox.surface(item.id, Date.now())) {
      this.events.emit("inbox", { id: item.id, from: item.from, state: "surfaced" });
      const name = newPacketId(Date.now());
      background(
        this.#post.notify(item.from, "surfaced", surfacedBody(item.id), name),
        "surfaced",
        this.#parts,
      );
    }
    return { id: item.id, state: "surfaced" };
  }

  async remove(id: string): Promise<void> {
    await this.#parts.mailbox.remove(this.item(id).id);
  }

  deadLetters(limit: number) {
    return this.#post.views(this.#parts.mailbox.deadLetters(limit));
  }

  retry(id: string) {
    return this.#post.retry(id);
  }

  peers(): readonly PeerView[] {
    return this.#parts.fleet.peers.map((node) =>
      peerView(
        node,
        {
          lastSeen: this.#peers.lastSeen(node),
          version: this.#peers.version(node),
          clockOffset: this.#peers.clockOffset(node),
          pending: this.#post.pendingTo(node),
        },
        this.#shownStates().map((state) => this.#checks.path(node, state)),
      ),
    );
  }

  async roster(): Promise<RosterView> {
    return (await this.#loaded()).view();
  }

  check(filter: { readonly peer?: string; readonly channel?: string }, signal: AbortSignal) {
    return this.#checks.run(filter, signal);
  }

  health(): HealthView {
    return healthView(this.#healthHost());
  }

  metrics(): string {
    return metricsText(this.#healthHost());
  }

  async invite({ uses, expires, lan }: Parameters<FleetNode["invite"]>[0]): ReturnType<FleetNode["invite"]> {
    const lifetime = parseDuration(expires);
    if (lifetime === undefined || lifetime < 1_000 || lifetime > 30 * 86_400_000) {
      throw new Problem(
        "bad_request",
        `expires is ${JSON.stringify(expires)}: use a duration from 1s to 30d, such as 1h`,
      );
    }
    if (lan) await this.#openToMachines();
    const { code, expires: end } = await this.#admissions.invite({ uses, lifetime });
    const local = !listensBeyondLoopback(this.#supervisor.link("http"));
    const note =
      "this code works on this machine only, since the packet listener is on loopback; to invite another machine: multifleet invite --lan";
    const addresses = Object.values(this.#addresses()).flat();
    return { code, expires: new Date(end).toISOString(), uses, addresses, ...(local ? { note } : {}) };
  }

  async join({ code, node }: Parameters<FleetNode["join"]>[0]): ReturnType<FleetNode["join"]> {
    const { fleet, identity, mailbox } = this.#parts;
    const name = node ?? this.name;
    if (!isNodeId(name) || name === "all")
      throw new Problem(
        "bad_request",
        `${JSON.stringify(name)} is not a node name: use 1 to 63 of a-z, 0-9 and inner hyphens`,
      );
    if (fleet.peers.length > 0)
      throw new Problem(
        "already_member",
        `this node is ${this.name} in a fleet with ${fleet.peers.join(", ")}; use another home to join a second fleet`,
      );
    const { invitation, welcome } = await askToJoin(code, name, {
      ...this.#parts,
      ...{ identity, sealing: this.#sealing, stream: mailbox.stream, now: Date.now },
      addresses: () => this.#addresses(),
      prepare: (inviter, addresses) => this.#prepareToJoin(inviter, addresses),
    });
    const { secret, authority, membership, hints } = welcome;
    fleet.adopt({ node: name, fleet: invitation.fleet, secret, authority, membership });
    for (const [peer, at] of Object.entries(hints))
      if (isNodeId(peer) && peer !== name) await this.#peers.hint(peer, at);
    // Under its new name, and with its new peers.
    await this.#quietly(async () => this.#supervisor.reopen(await rebuiltListener(this.#parts)));
    await this.#parts.nats.renew();
    await this.#renewNats();
    this.#presence?.renew();
    this.#hellos.say(fleet.peers);
    this.events.emit("peer", { node: name, state: "joined", fleet: fleet.fleet });
    return { node: name, fleet: fleet.fleet, peers: fleet.peers };
  }

  natsServer() {
    return this.#parts.nats.view();
  }

  async natsUp(request: NatsRequest) {
    await this.#parts.nats.up(request);
    return this.#servedAnew();
  }

  async natsDown(options: { readonly purge: boolean }) {
    await this.#parts.nats.down(options);
    return this.#servedAnew();
  }

  async #servedAnew() {
    await this.#renewNats();
    // A server that is shared, or no longer: the peers are to know.
    this.#hellos.say(this.#parts.fleet.peers);
    return this.natsServer();
  }

  /** Items came to be shown: those that had waited for one before them too, which no arrival tells of. */
  shown(): void {
    this.events.emit("inbox", { state: "shown" });
  }

  close(): Promise<void> {
    return this.#close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#close();
  }

  /** Ends what this object started; the store and the local API are ended by whoever opened them. */
  async end(): Promise<void> {
    this.#ended = true;
    this.#unwatch();
    await this.#presence?.end();
    this.#post.close();
    this.#relays.close();
    this.#carriage.close();
    await this.#supervisor.close();
    await this.#peers.save();
  }

  #supervise(channels: readonly Channel[]): Supervisor {
    const { counters, log, fleet } = this.#parts;
    return new Supervisor(channels, {
      ...{ counters, log, random: Math.random, now: Date.now },
      node: () => fleet.node,
      fleet: () => fleet.fleet,
      receive: (bytes, channel) =>
        this.#door.receive(bytes, { name: channel.name, effect: channel.traits.effect }),
      addresses: (to, channel) => this.#peers.addresses(to, channel),
      opened: (channel, link) => this.#opened(channel, link),
      closed: (channel, reason) => {
        this.#carriage.tell({ kind: "closed", channel: channel.name, reason });
        this.#presence?.channels();
        this.events.emit("channel", { channel: channel.name, state: "closed", reason });
      },
      medium: (channel, { state, peer, reason = "" }) => {
        const of = peer === undefined ? {} : { peer };
        this.#carriage.tell({ kind: "medium", channel: channel.name, state, reason, ...of });
        this.#presence?.channels(peer === undefined ? { name: channel.name, state } : undefined);
        if (state === "up" && !relayNames.includes(channel.name)) this.#relays.mediumUp(peer);
        this.events.emit("channel", { channel: channel.name, state, reason, ...of });
      },
    });
  }

  #opened(channel: Channel, link: Link): void {
    const { name, traits } = channel;
    const carrier: Carrier = {
      name,
      effect: traits.effect,
      rank: traits.rank,
      maxFrameBytes: traits.maxFrameBytes,
      reaches: (peer) => link.reaches(peer),
    };
    this.#carriage.tell({ kind: "opened", carrier });
    this.events.emit("channel", { channel: name, state: "open" });
    this.#presence?.channels({ name, state: "up" });
    if (!this.#quiet) this.#hellos.say(this.#parts.fleet.peers, name);
  }

  /** While several channels are opened: one hello at the end tells all addresses at once. */
  async #quietly(work: () => Promise<void>): Promise<void> {
    this.#quiet = true;
    try {
      await work();
    } finally {
      this.#quiet = false;
    }
  }

  /** Peers are told that we are here, and perhaps elsewhere; what waits on media that cannot push is read. */
  #machineChanged(event: MachineEvent): void {
    this.#parts.counters.count("machine_events_total", event);
    this.#hellos.say(this.#parts.fleet.peers);
    this.#supervisor.poke();
  }

  #heard(packet: Packet, way: Way): void {
    const { from, stream, base, kind, type, replyTo } = packet;
    const first = this.#peers.lastSeen(from) === undefined;
    this.#peers.heard(from, Date.now());
    this.#parts.mailbox.advance(from, stream, base);
    if (way.name === selfName) return;
    this.#presence?.heard(packet);
    const hello = kind === "hello" && type !== aliveType;
    if (hello || first) this.events.emit("peer", { node: from, state: "heard", channel: way.name });
    this.#carriage.tell({ kind: "heard", channel: way.name, peer: from, hello: hello && replyTo === "" });
    if (hello && this.#followServers()) background(this.#renewNats(), "nats", this.#parts);
    if (kind !== "hello" || hello) this.#relays.heard(packet, way);
    if (!hello) return;
    this.#receipts.pay(from);
    // A peer that has just come may have left something where nobody tells of it.
    if (replyTo === "") this.#supervisor.poke();
  }

  #arrived({ id, from, type, session, toSession, replyTo }: Packet, way: Way): void {
    const item = this.#parts.mailbox.item(id);
    this.events.emit("inbox", {
      ...{
        id,
        from,
        type,
        session,
        to_session: toSession,
        reply_to: replyTo,
        channel: way.name,
        state: "delivered",
      },
      subject: item?.subject ?? "",
    });
  }

  async #answered(id: PacketId, answer: Uint8Array, believed: () => void): Promise<boolean> {
    const opened = open(answer, this.#parts.fleet);
    const word = opened.ok ? this.#post.word(id, opened) : undefined;
    if (!opened.ok || word === undefined) {
      this.#parts.counters.count("receipts_refused_total");
      return false;
    }
    this.#peers.heard(opened.packet.from, Date.now());
    this.#presence?.heard(opened.packet);
    believed();
    await this.#post.believe(word, answer);
    return true;
  }

  async #receipt(opened: Verified, bytes: Uint8Array): Promise<boolean> {
    if (this.#checks.receipt(opened)) return true;
    const word = this.#post.word(opened.packet.id, opened);
    if (word === undefined) return false;
    await this.#post.believe(word, bytes);
    return true;
  }

  async #notice(packet: Packet): Promise<void> {
    const { fleet, log } = this.#parts;
    if (packet.type === "wake") return;
    if (packet.type === "surfaced") {
      const id = readSurfaced(packet);
      if (id !== undefined) await this.#post.surfaced(id, packet.from);
      return;
    }
    const fresh = await takeMembership(packet, fleet, this.#peers);
    if (fresh === undefined) {
      this.#parts.counters.count("packets_refused_total", "bad_membership");
      return;
    }
    log.info("membership", { version: fleet.version, nodes: fleet.peers.length + 1 });
    for (const node of fresh) this.events.emit("peer", { node, state: "admitted" });
    this.#presence?.members();
    this.#hellos.say(fresh);
  }

  /** A node was let in: the others are told, and where it is. */
  #admitted(node: NodeId): void {
    this.events.emit("peer", { node, state: "admitted" });
    this.#presence?.members();
    this.#sendMembership(this.#parts.fleet.peers.filter((peer) => peer !== node));
  }

  #sendMembership(peers: readonly NodeId[]): void {
    for (const peer of peers) {
      const body = membershipBody(this.#parts.fleet, this.#peers, this.#addresses());
      background(
        this.#post.notify(peer, "membership", body, newPacketId(Date.now())),
        "membership",
        this.#parts,
      );
    }
  }

  /** The roster. @throws Problem when the node ends meanwhile. */
  async #loaded(): Promise<Presence> {
    const presence = await this.#load();
    if (presence === undefined) throw new Problem("shutting_down", "the node is shutting down");
    return presence;
  }

  #load(): Promise<Presence | undefined> {
    this.#loading ??= import("./roster/presence.js").then(({ Presence: Loaded }) => {
      if (this.#ended) return undefined;
      return (this.#presence = new Loaded({
        ...{ ...this.#parts, events: this.events },
        boards: () => this.#boards(),
        working: (peer) => this.#working(peer),
        keepAlive: (peer, within) =>
          this.#hellos.keepAlive(peer, [...this.#deliverers(peer), ...this.#relayed()], within),
        pendingTo: (peer) => this.#post.pendingTo(peer),
        lastSeen: (node) => this.#peers.lastSeen(node),
      }));
    });
    return this.#loading;
  }

  /** The channel through other nodes, where it is on. */
  #relayed(): string[] {
    return this.#supervisor.link(relayName) === undefined ? [] : [relayName];
  }

  #boards() {
    const ranked = this.#shownStates()
      .map(({ channel }) => channel)
      .toSorted((a, b) => a.traits.rank - b.traits.rank);
    return ranked.flatMap(({ name }) => {
      const board = this.#supervisor.link(name)?.board;
      return board === undefined ? [] : [{ name, board }];
    });
  }

  /** The channels that work to a peer, in the order that people know. */
  #working(peer: NodeId): string[] {
    const up = new Set(
      this.#cascade
        .health(peer)
        .filter(({ state }) => state === "up")
        .map(({ channel }) => channel),
    );
    return this.#direct()
      .filter(({ name }) => up.has(name) && this.#supervisor.link(name)?.reaches(peer) === true)
      .toSorted((a, b) => a.traits.rank - b.traits.rank)
      .map(({ name }) => name);
  }

  /** Sends to the best live node that has a capability; the same message again goes where it went. */
  async #sendToCapable(request: SendRequest): ReturnType<FleetNode["send"]> {
    const { id = "", to = "" } = request;
    const known = isPacketId(id) ? this.#parts.mailbox.message(id) : undefined;
    const roster = await this.#loaded();
    let node: NodeId;
    try {
      node = known?.to ?? roster.pick(to.slice(1));
    } catch (thrown) {
      if (thrown instanceof Problem) this.#parts.counters.count("accept_errors_total", thrown.code);
      throw thrown;
    }
    const answer = await this.#post.send({ ...request, to: node });
    return { ...answer, messages: [{ id: answer.id, to: node, state: answer.state }] };
  }

  /** Opens the channels of NATS anew, where there are any, to the servers that are known now. One change at a time. */
  #renewNats(): Promise<void> {
    const renewed = this.#natsTurn.then(() => this.#exchangeNats());
    this.#natsTurn = Promise.allSettled([renewed]);
    return renewed;
  }

  async #exchangeNats(): Promise<void> {
    if (this.#parts.channels !== undefined || this.#ended) return;
    const { channels } = await ownChannels(this.#parts, undefined, "nats");
    const stale = this.#natsChannels;
    this.#natsChannels = new Set(channels.map(({ name }) => name));
    await this.#supervisor.exchange(stale, channels);
  }

  /** Where this node is reached, by channel; and, where it shares one, its NATS server. */
  #addresses(): Addresses {
    const shared = this.#parts.nats.shared();
    return { ...this.#supervisor.addresses(), ...(shared.length > 0 ? { [serverKind]: shared } : {}) };
  }

  /** Takes up what the peers say of the servers that they share. @returns Whether others are to be used now. */
  #followServers(): boolean {
    const { fleet, nats } = this.#parts;
    const used = () => JSON.stringify(natsOptions(this.#parts));
    const before = used();
    nats.follow(fleet.peers.flatMap((peer) => this.#peers.told(peer)[serverKind] ?? []));
    return used() !== before;
  }

  /** Those of them that lead straight to `peer`. */
  #deliverers(peer: NodeId): string[] {
    return this.#direct()
      .filter(({ name }) => this.#supervisor.link(name)?.reaches(peer) === true)
      .map(({ name }) => name);
  }

  /** The channels that deliver, and by no other node's help. */
  #direct(): Channel[] {
    return this.#shownStates()
      .map(({ channel }) => channel)
      .filter(({ name, traits }) => traits.effect === "delivers" && !relayNames.includes(name));
  }

  /** The channels that people see: all but the node's way to itself. */
  /** In the order that people know, also where one was opened later than others. */
  #shownStates() {
    return this.#supervisor
      .states()
      .filter(({ channel }) => channel.name !== selfName)
      .toSorted((a, b) => Number(rankName(a.channel).slice(1)) - Number(rankName(b.channel).slice(1)));
  }

  #healthHost(): HealthHost {
    return {
      ...this.#parts,
      ...{ startedAt: this.#startedAt, skipped: this.#skipped, now: Date.now },
      states: () => this.#shownStates(),
      peers: () => this.peers(),
      link: (channel) => this.#supervisor.link(channel),
    };
  }

  /** The packet listener's port is only preferred, unless it was configured: where it is taken, any free one will do. */
  async #settlePort(configured: ReadonlySet<string>): Promise<void> {
    const http = this.#supervisor.states().find(({ channel }) => channel.name === "http");
    if (http !== undefined && http.state !== "open" && !configured.has("http")) {
      this.#parts.log.warn("packet_listener_port_taken", { reason: http.reason });
      const any = await rebuiltListener(this.#parts, 0);
      if (any !== undefined) await this.#supervisor.replace(any);
    }
    await keepPort(this.#parts.mailbox, this.#supervisor.link("http"));
  }

  async #openToMachines(): Promise<void> {
    if (listensBeyondLoopback(this.#supervisor.link("http"))) return;
    await keepHost(this.#parts.mailbox, "0.0.0.0");
    const wider = await rebuiltListener(this.#parts);
    if (wider !== undefined) await this.#supervisor.replace(wider);
    if (!listensBeyondLoopback(this.#supervisor.link("http"))) {
      const { http } = this.#parts.config.channels ?? {};
      const configured = typeof http === "object" && http["host"] !== undefined;
      throw new Problem(
        "bad_request",
        configured || this.#parts.channels !== undefined
          ? "the packet listener stays on loopback, since channels.http says so; change it in config.json"
          : "this machine has no network address at the moment; connect it to a network, and try again",
      );
    }
    this.#hellos.say(this.#parts.fleet.peers);
  }

  /** The ways to an inviting node, best first. One on another machine must be able to reach us too. */
  async #prepareToJoin(
    inviter: NodeId,
    addresses: Addresses,
  ): Promise<{ readonly name: string; readonly link: Link }[]> {
    await this.#peers.hint(inviter, addresses);
    const near = this.#supervisor.link("ipc")?.reaches(inviter) === true;
    if (!near && addresses.http?.some((address) => !isLoopback(address)) === true)
      await this.#openToMachines();
    return this.#deliverers(inviter).flatMap((name) => {
      const link = this.#supervisor.link(name);
      return link === undefined ? [] : [{ name, link }];
    });
  }

  async #encrypt(body: Uint8Array, to: NodeId, id: PacketId): Promise<Uint8Array | undefined> {
    const { config, fleet, identity } = this.#parts;
    const member = fleet.member(to);
    if (config.encryption !== "on" || member === undefined) return undefined;
    const { encryptBody } = await import("@multifleet/core/age");
    const envelope = { fleet: fleet.fleet, from: fleet.node, to, id };
    return encryptBody(body, envelope, ...new Set([member.recipient, identity.age.recipient]));
  }

  async #decrypt(packet: Packet): Promise<Uint8Array | undefined> {
    const { decryptBody } = await import("@multifleet/core/age");
    return decryptBody(packet.body, packet, this.#parts.identity.age.identity);
  }
}
