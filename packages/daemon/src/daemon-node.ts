import type { NodeId } from "@multifleet/core";
import type { Item, MessageState } from "@multifleet/mailbox";
import { assemble, type Assembly } from "./assembly.js";
import type { EventLog } from "./events.js";
import { healthView, metricsText, peerView, type HealthHost } from "./health.js";
import type { NatsRequest } from "./nats/settings.js";
import type { FleetNode, HealthView, PeerView, SendRequest } from "./node.js";
import type { Parts } from "./parts.js";
import type { RosterView } from "./roster/view.js";

/** A node as others hold it: each of its methods asks the part that knows. */
export class DaemonNode implements FleetNode, AsyncDisposable {
  readonly events: EventLog;
  readonly #parts: Parts;
  readonly #assembly: Assembly;
  readonly #close: () => Promise<void>;
  readonly #startedAt = Date.now();

  /** @param close Ends the node with everything around it, such as its local API. */
  constructor(parts: Parts, close: () => Promise<void>) {
    this.#parts = parts;
    this.#assembly = assemble(parts);
    this.#close = close;
    this.events = this.#assembly.events;
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
  start(): Promise<void> {
    return this.#assembly.life.start();
  }

  /** Says hello to the peers. Apart from `start`, so that nobody waits for it who waits for this node. */
  greet(): void {
    this.#assembly.life.greet();
  }

  /** Has the channels whose medium cannot push look for what it holds. */
  fetch(): void {
    this.#assembly.supervisor.poke();
  }

  send(request: SendRequest) {
    return this.#assembly.sending.send(request);
  }

  message(id: string) {
    return this.#assembly.post.view(id);
  }

  messages(filter: { readonly state?: MessageState; readonly limit: number }) {
    return this.#assembly.post.views(this.#parts.mailbox.messages(filter));
  }

  wait(id: string, state: "delivered" | "surfaced" | "settled", signal: AbortSignal) {
    return this.#assembly.post.wait(id, state, signal);
  }

  cancel(id: string) {
    return this.#assembly.post.cancel(id);
  }

  inbox(filter: Parameters<FleetNode["inbox"]>[0]): readonly Item[] {
    const { presence, inbox } = this.#assembly;
    if (filter.session !== undefined) presence.now?.session(filter.session);
    return inbox.list(filter);
  }

  item(id: string): Item {
    return this.#assembly.inbox.item(id);
  }

  surface(id: string) {
    return this.#assembly.inbox.surface(id);
  }

  remove(id: string): Promise<void> {
    return this.#assembly.inbox.remove(id);
  }

  /** Items came to be shown: those that had waited for one before them too. */
  shown(): void {
    this.#assembly.inbox.shown();
  }

  deadLetters(limit: number) {
    return this.#assembly.post.views(this.#parts.mailbox.deadLetters(limit));
  }

  retry(id: string) {
    return this.#assembly.post.retry(id);
  }

  peers(): readonly PeerView[] {
    const { checks, peers, post, reach } = this.#assembly;
    return this.#parts.fleet.peers.map((node) =>
      peerView(
        node,
        {
          lastSeen: peers.lastSeen(node),
          version: peers.version(node),
          clockOffset: peers.clockOffset(node),
          pending: post.pendingTo(node),
        },
        reach.shown().map((state) => checks.path(node, state)),
      ),
    );
  }

  async roster(): Promise<RosterView> {
    return (await this.#assembly.presence.loaded()).view();
  }

  check(filter: { readonly peer?: string; readonly channel?: string }, signal: AbortSignal) {
    return this.#assembly.checks.run(filter, signal);
  }

  health(): HealthView {
    return healthView(this.#healthHost());
  }

  metrics(): string {
    return metricsText(this.#healthHost());
  }

  invite(options: Parameters<FleetNode["invite"]>[0]) {
    return this.#assembly.inviting.invite(options);
  }

  join(options: Parameters<FleetNode["join"]>[0]) {
    return this.#assembly.joining.join(options);
  }

  natsServer() {
    return this.#parts.nats.view();
  }

  natsUp(request: NatsRequest) {
    return this.#assembly.natsChannels.up(request);
  }

  natsDown(options: { readonly purge: boolean }) {
    return this.#assembly.natsChannels.down(options);
  }

  close(): Promise<void> {
    return this.#close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#close();
  }

  /** Ends what this object started; the store and the local API are ended by whoever opened them. */
  end(): Promise<void> {
    return this.#assembly.life.end();
  }

  #healthHost(): HealthHost {
    const { life, reach, supervisor } = this.#assembly;
    return {
      ...this.#parts,
      ...{ startedAt: this.#startedAt, skipped: life.skipped, now: Date.now },
      states: () => reach.shown(),
      peers: () => this.peers(),
      link: (channel) => supervisor.link(channel),
    };
  }
}
