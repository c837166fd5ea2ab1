import { newPacketId, nodeId, packetId, type NodeId } from "@multifleet/core";
import type { Item } from "@multifleet/mailbox";
import { EventLog } from "../../src/events.js";
import type { FleetNode, HealthView, MessageView, PathView, SendRequest } from "../../src/node.js";
import { Problem } from "../../src/problem.js";

const at = Date.UTC(2026, 0, 2, 3, 4, 5);
const iso = new Date(at).toISOString();

const path: PathView = {
  channel: "http",
  rank: "P2",
  effect: "delivers",
  state: "up",
  since: iso,
  latency_ms: 1.5,
};

/** A node in memory that only answers: for what the HTTP layer itself does. Whole nodes are tested elsewhere. */
export class FakeNode implements FleetNode {
  readonly name: NodeId = nodeId("mac1");
  readonly version = "1.2.3";
  readonly home: string;
  readonly events = new EventLog(at);
  /** Each call that a handler made, by name: what a refused request must leave empty. */
  readonly calls: { readonly name: string; readonly given: unknown }[] = [];
  readonly sent = new Map<string, MessageView>();
  readonly items: Item[] = [];
  status: HealthView["status"] = "ok";
  /** Thrown by the next call. */
  failure: Error | undefined;
  /** Held back until it resolves. */
  gate: Promise<void> = Promise.resolve();
  readonly waits: { readonly id: string; readonly state: string; readonly signal: AbortSignal }[] = [];

  constructor(home: string) {
    this.home = home;
  }

  readonly #watches = new Set<() => void>();

  /** Resolves once handlers have made so many calls of this name. */
  called(name: string, times: number): Promise<void> {
    return new Promise((resolve) => {
      const watch = () => {
        if (this.calls.filter((call) => call.name === name).length >= times && this.#watches.delete(watch))
          resolve();
      };
      this.#watches.add(watch);
      watch();
    });
  }

  #called(name: string, given?: unknown): void {
    this.calls.push({ name, given });
    for (const watch of this.#watches) watch();
    const { failure } = this;
    this.failure = undefined;
    if (failure !== undefined) throw failure;
  }

  async send(request: SendRequest) {
    this.#called("send", request);
    await this.gate;
    const id = request.id === undefined ? newPacketId(Date.now()) : packetId(request.id);
    const view: MessageView = {
      id,
      state: "accepted",
      type: request.type,
      from: this.name,
      to: nodeId(
        request.to === undefined || request.to === "all" ? "mac2" : (request.to.split("/")[0] ?? ""),
      ),
      subject: request.payload.subject,
      session: "s",
      to_session: "t",
      key: "k",
      created: iso,
      expires: iso,
      settled: iso,
      reason: "no channel is up",
      attempts: [
        { channel: "http", at, ms: 2, outcome: "UNREACHABLE", reason: "ECONNREFUSED" },
        { channel: "ipc", at },
      ],
      receipt: { from: nodeId("mac2"), outcome: "delivered", digest: "00", sealed: "AAAA" },
    };
    this.sent.set(id, view);
    if (request.to === "all")
      return { id, state: view.state, messages: [{ id, to: view.to, state: view.state }] };
    return { id, state: view.state };
  }

  message(id: string) {
    this.#called("message", id);
    const view = this.sent.get(id);
    if (view === undefined) throw new Problem("unknown_message", "No message has this id.");
    return view;
  }

  messages(filter: unknown) {
    this.#called("messages", filter);
    return [...this.sent.values()];
  }

  wait(id: string, state: string, signal: AbortSignal) {
    this.waits.push({ id, state, signal });
    this.#called("wait", { id, state });
    const view = this.sent.get(id);
    if (view === undefined) throw new Problem("unknown_message", "No message has this id.");
    return new Promise<MessageView>((resolve) => {
      signal.addEventListener("abort", () => resolve(this.sent.get(id) ?? view));
      this.events.subscribe(({ data }) => {
        if (data.id === id) resolve({ ...view, state: "delivered" });
      });
    });
  }

  async cancel(id: string) {
    return { ...this.message(id), state: "cancelled" as const };
  }

  inbox(filter: unknown) {
    this.#called("inbox", filter);
    return this.items;
  }

  item(id: string) {
    this.#called("item", id);
    const found = this.items.find((each) => each.id === id);
    if (found === undefined) throw new Problem("unknown_item", "No inbox item has this id.");
    return found;
  }

  async surface(id: string) {
    this.item(id);
    return { id, state: "surfaced" as const };
  }

  async remove(id: string) {
    this.item(id);
  }

  deadLetters(limit: number) {
    this.#called("deadLetters", limit);
    return [...this.sent.values()];
  }

  async retry(id: string) {
    const { state } = this.message(id);
    return { id: packetId("again"), state };
  }

  peers() {
    this.#called("peers");
    return [{ node: nodeId("mac2"), last_seen: iso, version: "1.2.3", pending: 0, channels: [path] }];
  }

  async roster() {
    this.#called("roster");
    const { name, version } = this;
    const row = { capabilities: ["git"], tools: { git: "2.39.5" }, channels: {}, sessions: [] };
    return { chief: name, term: 1, nodes: [{ node: name, alive: true, chief: true, version, ...row }] };
  }

  async check(filter: unknown) {
    this.#called("check", filter);
    return [
      { ...path, peer: nodeId("mac2"), works: true, outcome: "answered" as const, ms: 1, remedy: "none" },
    ];
  }

  health(): HealthView {
    this.#called("health");
    const { channel: _, ...known } = path;
    return {
      status: this.status,
      node: this.name,
      fleet: "f1",
      version: this.version,
      uptime_s: 1,
      reasons: [],
      counters: { messages_accepted_total: 1 },
      error_counters: {},
      channels: { http: { state: "up", since: iso, rank: "P2", effect: "delivers" } },
      peers: { mac2: { last_seen: iso, pending: 0, channels: { http: known } } },
      messages: { accepted: 1, pending: 1 },
      jetstream: {},
      store: { bytes: 1 },
      nats_server: this.natsServer(),
    };
  }

  fetch() {
    this.#called("fetch");
  }

  metrics() {
    this.#called("metrics");
    return "# TYPE a counter\na_total 1\n";
  }

  async invite(options: { uses: number }) {
    this.#called("invite", options);
    return { code: "c", expires: iso, uses: options.uses, addresses: ["127.0.0.1:1"], note: "here only" };
  }

  async join(options: unknown) {
    this.#called("join", options);
    return { node: this.name, fleet: "f1", peers: [nodeId("mac2")] };
  }

  natsServer() {
    return {
      state: "running",
      since: iso,
      role: "leaf",
      server: "nats://127.0.0.1:4222",
      hub: "nats-leaf://hub:7422",
    } as const;
  }

  async natsUp(request: unknown) {
    this.#called("natsUp", request);
    return this.natsServer();
  }

  async natsDown(options: unknown) {
    this.#called("natsDown", options);
    return { state: "off" } as const;
  }

  async close() {
    this.#called("close");
  }
}

/** An inbox item as a store gives it. */
export function storedItem(id: string, position: number, body = "text"): Item {
  return {
    id: packetId(id),
    from: nodeId("mac2"),
    type: "context",
    session: "s",
    toSession: "t",
    replyTo: packetId("r1"),
    key: "k",
    subject: "hello",
    body,
    created: at,
    expires: at,
    idempotent: false,
    channel: "http",
    receivedAt: at,
    surfacedAt: position % 2 === 0 ? at : 0,
    position,
  };
}
