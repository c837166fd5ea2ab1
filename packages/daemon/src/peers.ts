import { isDeepStrictEqual } from "node:util";
import type { NodeId } from "@multifleet/core";
import type { Mailbox } from "@multifleet/mailbox";
import type { Config } from "./config.js";

/** By channel, where a node is reached. */
export type Addresses = Readonly<Record<string, readonly string[]>>;

/** What is kept of a peer over restarts. */
interface Known {
  readonly addresses: Addresses;
  readonly version: string;
  /** When its newest hello was made, by its own clock: an older one changes nothing. */
  readonly hello: number;
  readonly lastSeen: number;
}

const unknown: Known = { addresses: {}, version: "", hello: 0, lastSeen: 0 };

/**
 * Channels whose addresses come from this machine's own config alone: whom this user's keys log in to is not for a peer to say.
 */
const ourWordAlone: ReadonlySet<string> = new Set(["ssh"]);

/** Where peers are and when they were last heard: from the config, from their own signed hellos, or told by others as a first hint. */
export class Peers {
  readonly #store: Mailbox;
  readonly #configured: NonNullable<Config["peers"]>;
  readonly #known = new Map<NodeId, Known>();
  /** When each peer was last heard; not worth a disk write each time. */
  readonly #seen = new Map<NodeId, number>();
  readonly #offsets = new Map<NodeId, number>();

  constructor(store: Mailbox, configured: Config["peers"]) {
    this.#store = store;
    this.#configured = configured ?? {};
  }

  /** Where the config says that a node is; none where it says nothing. */
  hints(node: NodeId, channel: string): readonly string[] {
    const hint = this.#configured[node]?.[channel] ?? [];
    return typeof hint === "string" ? [hint] : hint;
  }

  /** What the config says replaces what the peer says: it is the user's word. */
  addresses(node: NodeId, channel: string): readonly string[] {
    const configured = this.#configured[node]?.[channel];
    if (configured !== undefined) return typeof configured === "string" ? [configured] : configured;
    if (ourWordAlone.has(channel)) return [];
    return this.#get(node).addresses[channel] ?? [];
  }

  /** All that a peer or others told, to be passed on. */
  told(node: NodeId): Addresses {
    return this.#get(node).addresses;
  }

  version(node: NodeId): string | undefined {
    return this.#get(node).version || undefined;
  }

  lastSeen(node: NodeId): number | undefined {
    return this.#seen.get(node) ?? (this.#get(node).lastSeen || undefined);
  }

  /** How far a peer's clock was ahead of ours at its newest hello, in milliseconds; undefined before the first one of this run. */
  clockOffset(node: NodeId): number | undefined {
    return this.#offsets.get(node);
  }

  /** A hello that was made at `made`, by its maker's clock, came straight here at `now`. */
  compareClocks(node: NodeId, made: number, now: number): void {
    this.#offsets.set(node, made - now);
  }

  heard(node: NodeId, at: number): void {
    this.#seen.set(node, at);
  }

  /** Takes a peer's own word. False when it is older than what we have: a replay, or one that was overtaken. */
  async learn(
    node: NodeId,
    hello: { readonly addresses: Addresses; readonly version: string; readonly at: number },
  ): Promise<boolean> {
    const known = this.#get(node);
    if (hello.at <= known.hello) return false;
    if (hello.version === known.version && isDeepStrictEqual(hello.addresses, known.addresses)) {
      // Nothing new: not worth a disk write. After a restart a hello since the last that was kept is taken again, and says the same.
      this.#known.set(node, { ...known, hello: hello.at });
      return true;
    }
    await this.#keep(node, { ...hello, hello: hello.at, lastSeen: Math.max(this.lastSeen(node) ?? 0, 0) });
    return true;
  }

  /** Takes another's word for where a peer is, until the peer itself has spoken. */
  async hint(node: NodeId, addresses: Addresses): Promise<void> {
    if (this.#get(node).hello === 0) await this.#keep(node, { ...unknown, addresses });
  }

  /** Keeps when peers were last heard; called at the end. */
  async save(): Promise<void> {
    await Promise.all(
      [...this.#seen].map(([node, lastSeen]) => this.#keep(node, { ...this.#get(node), lastSeen })),
    );
  }

  async #keep(node: NodeId, { addresses, version, hello, lastSeen }: Known): Promise<void> {
    const known = { addresses, version, hello, lastSeen };
    this.#known.set(node, known);
    await this.#store.put(`peer/${node}`, known);
  }

  #get(node: NodeId): Known {
    let known = this.#known.get(node);
    if (known === undefined) {
      known = this.#store.get<Known>(`peer/${node}`) ?? unknown;
      this.#known.set(node, known);
    }
    return known;
  }
}
