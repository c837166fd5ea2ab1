import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { api } from "../api.js";
import { Failure } from "../failure.js";
import type { InboxItem, MessageView } from "../views.js";
import { Daemon, freePort } from "./daemon.js";
import type { Narrator } from "./narrator.js";
import type { Patience } from "./patience.js";
import { openProxy, type Proxy } from "./proxy.js";
import type { Accepted } from "./tally.js";

const deadline = 20_000;

/** What is sent, beside sender and receiver. */
export interface Words {
  readonly to: string;
  readonly subject: string;
  readonly session?: string;
  readonly type?: string;
  readonly replyTo?: string;
}

/** Three nodes, the wire between two of them, and the list of everything that was accepted. */
export class Stage implements AsyncDisposable {
  readonly mac1: Daemon;
  readonly mac2: Daemon;
  readonly mac3: Daemon;
  /** The only way by HTTP from mac1 to mac2. */
  readonly wire: Proxy;
  readonly accepted: Accepted[] = [];
  readonly narrator: Narrator;
  readonly patience: Patience;
  readonly #parent: string;

  private constructor(parent: string, wire: Proxy, port: number, narrator: Narrator, patience: Patience) {
    this.#parent = parent;
    this.wire = wire;
    this.narrator = narrator;
    this.patience = patience;
    const peers = { mac2: { http: `http://127.0.0.1:${wire.port}` } };
    this.mac1 = new Daemon("mac1", parent, { channels: { http: { port: 0 } }, peers }, patience);
    this.mac2 = new Daemon("mac2", parent, { channels: { http: { port } } }, patience);
    this.mac3 = new Daemon("mac3", parent, { channels: { http: { port: 0 }, ipc: false } }, patience);
  }

  /** Makes the homes and the wire; starts nothing yet. */
  static async make(narrator: Narrator, patience: Patience): Promise<Stage> {
    // mac2's packets come in at a port that the wire must know before the daemon listens.
    const port = await freePort();
    const wire = await openProxy(port);
    return new Stage(mkdtempSync(join(tmpdir(), "multifleet-demo-")), wire, port, narrator, patience);
  }

  get daemons(): readonly Daemon[] {
    return [this.mac1, this.mac2, this.mac3];
  }

  /** Has a node accept a message, and keeps account of it. */
  async send(from: Daemon, words: Words): Promise<{ readonly id: string; readonly ms: number }> {
    const { to, subject, session, type = "context", replyTo } = words;
    // No two of the demo's messages have the same text, so that one that came twice shows under any id.
    const body = `${subject} (${this.accepted.length + 1} of the demo)`;
    const began = performance.now();
    const kept = { id: "", from: from.name, to: to.split("/")[0] ?? to, body };
    this.accepted.push(kept);
    const answer = await api.send(from.access(), {
      type,
      to,
      payload: { subject, body },
      ...(session === undefined ? {} : { session }),
      ...(replyTo === undefined ? {} : { replyTo }),
    });
    if (!["accepted", "sent", "delivered", "surfaced"].includes(answer.state))
      throw new Failure(
        "demo_failed",
        `${from.name} did not accept a message to ${to}: ${answer.state} ${answer.reason}`,
      );
    kept.id = answer.id;
    return { id: answer.id, ms: performance.now() - began };
  }

  /** Resolves when the message is delivered, or surfaced. @throws Failure when it ends otherwise, or not in time */
  async until(state: "delivered" | "surfaced", from: Daemon, id: string): Promise<MessageView> {
    const view = await this.patience.wait(
      `a message from ${from.name} is ${state}`,
      deadline + 1000,
      api.wait(from.access(), id, state, deadline),
    );
    if (view.state === "surfaced" || view.state === state) return view;
    throw new Failure(
      "demo_failed",
      `message ${id} is ${view.state} after ${deadline / 1000} s, not ${state}: ${view.reason ?? "no reason is known"}`,
    );
  }

  /** The whole inbox of a node. */
  async inbox(node: Daemon): Promise<InboxItem[]> {
    const items: InboxItem[] = [];
    for (let after: number | undefined = 0; after !== undefined;) {
      const page: Awaited<ReturnType<typeof api.inbox>> = await api.inbox(node.access(), {
        after,
        limit: 500,
      });
      items.push(...page.items);
      after = page.next;
    }
    return items;
  }

  /** Ends the daemons and the wire, and removes the homes. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.daemons.map((daemon) => daemon.stop()));
    await this.wire[Symbol.asyncDispose]();
    this.#remove();
  }

  /** Homes in which a daemon runs that is none of ours: someone has tried what the demo printed. */
  occupied(): string[] {
    return this.daemons.filter((daemon) => daemon.isOccupied()).map(({ home }) => home);
  }

  /** The same at once, for a process that must not wait. */
  abandon(): void {
    for (const daemon of this.daemons) daemon.abandon();
    this.#remove();
  }

  #remove(): void {
    if (this.occupied().length > 0) return;
    rmSync(this.#parent, { recursive: true, force: true, maxRetries: 3 });
  }
}
