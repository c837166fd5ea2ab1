import { nodeId, type ChannelHost, type Frame, type MediumEvent, type NodeId } from "@multifleet/core";
import type { Channel } from "@multifleet/core";
import { relay } from "../src/index.js";
import type { Forwarder, Reply } from "../src/index.js";

const none = new Uint8Array();

/**
 * Nodes that reach each other only through `relays`, which pass on as a daemon does: at once and once, with the far node's answer, or, where a
 * copy is to be kept, until that node is there.
 */
export class Office {
  readonly relays: readonly NodeId[];
  readonly asked: NodeId[] = [];
  /** What a relay replies instead of passing on. */
  readonly rules = new Map<NodeId, (frame: Frame, signal: AbortSignal) => Promise<Reply>>();
  readonly #hosts = new Map<NodeId, ChannelHost>();
  readonly #listeners = new Set<(event: MediumEvent) => void>();
  readonly #kept: Frame[] = [];
  #cut = false;

  constructor(...relays: readonly string[]) {
    this.relays = relays.map(nodeId);
  }

  /** The channel of one node; it receives by way of the office while it is open, as a node does by its other channels. */
  channel(node: NodeId, at: 0 | 1 = 0): Channel {
    const channel = relay({ forwarder: this.forwarder(node), hedgeMs: 40 })[at];
    if (channel === undefined) throw new Error("two channels are made");
    return {
      ...channel,
      open: async (host, options) => {
        const link = await channel.open(host, options);
        this.#hosts.set(node, host);
        for (const event of this.#listeners.values()) if (!this.#cut) event({ state: "up", peer: node });
        await this.#hand(node, host);
        return {
          ...link,
          [Symbol.asyncDispose]: () => {
            if (this.#hosts.get(node) === host) this.#hosts.delete(node);
            return link[Symbol.asyncDispose]();
          },
        };
      },
    };
  }

  forwarder(self: NodeId): Forwarder {
    return {
      reaches: (to) => to !== self && ["alpha", "bravo", "charlie"].includes(to),
      candidates: () => this.relays,
      ask: (by, frame, ask, { signal }) => this.#ask(by, frame, ask, signal),
      watch: (listener) => {
        this.#listeners.add(listener);
        return () => void this.#listeners.delete(listener);
      },
    };
  }

  cut(): void {
    this.#cut = true;
    for (const tell of this.#listeners) tell({ state: "down", reason: "no relay is reached" });
  }

  heal(): void {
    this.#cut = false;
    for (const tell of this.#listeners) tell({ state: "up" });
  }

  async #ask(by: NodeId, frame: Frame, ask: "carry" | "keep", signal: AbortSignal): Promise<Reply> {
    this.asked.push(by);
    const rule = this.rules.get(by);
    if (rule !== undefined) return rule(frame, signal);
    if (this.#cut) return reply("unreachable", "no_way");
    // A copy, as every medium makes one.
    const bytes = frame.bytes.slice();
    const host = this.#hosts.get(frame.to);
    if (ask === "keep") {
      const verdict = await host?.receive(bytes);
      if (verdict === undefined || verdict.code === "later") this.#kept.push({ ...frame, bytes });
      return reply("stored");
    }
    if (host === undefined) return reply("unreachable", "no_way");
    const verdict = await host.receive(bytes);
    if (verdict.code === "taken") return { ...reply("delivered"), answer: verdict.answer?.slice() ?? none };
    return verdict.code === "later" ? reply("later", "come_again") : reply("turned_away", "door");
  }

  async #hand(node: NodeId, host: ChannelHost): Promise<void> {
    for (const frame of this.#kept.filter(({ to }) => to === node)) {
      const verdict = await host.receive(frame.bytes);
      if (verdict.code !== "later") this.#kept.splice(this.#kept.indexOf(frame), 1);
    }
  }
}

export function reply(outcome: Reply["outcome"], reason = ""): Reply {
  return { outcome, reason, beyond: "", answer: none };
}

/** Replies only when it is given up, as a relay that hangs. */
export function silence(_: Frame, signal: AbortSignal): Promise<Reply> {
  return new Promise((resolve) =>
    signal.addEventListener("abort", () => resolve(reply("unreachable", "no_way"))),
  );
}
