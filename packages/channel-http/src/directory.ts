import type { ChannelHost, NodeId } from "@multifleet/core";
import { ownOrigins, parseAddress, type Target } from "./addresses.js";
import type { Settings } from "./options.js";

/** A peer's further addresses are not tried: it told them itself, and each costs time. */
const maxTargets = 8;
/** Parsed addresses are remembered up to this many; then all are forgotten. */
const maxParsed = 4_096;

/** Which addresses lead to a peer, and in which order they are worth trying. */
export class Directory {
  readonly #host: ChannelHost;
  readonly #hints: Settings["peers"];
  readonly #own: ReadonlySet<string>;
  readonly #parsed = new Map<string, Target | undefined>();
  /** Where a frame was last taken. */
  readonly #best = new Map<NodeId, string>();
  /** Where a send to a peer waited in vain, since one worked last. */
  readonly #silent = new Map<NodeId, Set<string>>();

  /** @param port the port that this node listens on itself, if it does. */
  constructor(host: ChannelHost, { peers, host: listening }: Settings, port: number | undefined) {
    this.#host = host;
    this.#hints = peers;
    this.#own = port === undefined ? new Set() : ownOrigins(listening, port);
  }

  /** Each once, the likeliest first; none when no usable address is known. */
  targetsOf(to: NodeId): readonly Target[] {
    const hint = Object.hasOwn(this.#hints, to) ? this.#hints[to]?.url : undefined;
    const told = this.#host.addresses(to);
    const targets = new Map<string, Target>();
    for (const address of hint === undefined ? told : [hint, ...told]) {
      const target = this.#parse(address);
      if (target !== undefined && targets.size < maxTargets) targets.set(target.url, target);
    }
    if (targets.size < 2) return [...targets.values()];
    const silent = this.#silent.get(to);
    const place = ({ url }: Target) => (url === this.#best.get(to) ? 0 : silent?.has(url) ? 2 : 1);
    return [...targets.values()].toSorted((left, right) => place(left) - place(right));
  }

  /** Whether a frame to this peer was last taken there. */
  isBest(to: NodeId, { url }: Target): boolean {
    return this.#best.get(to) === url;
  }

  /** A frame was taken there. */
  praise(to: NodeId, { url }: Target): void {
    this.#best.set(to, url);
    this.#silent.delete(to);
  }

  /** A send waited there in vain: the next one tries the others first. */
  postpone(to: NodeId, target: Target): void {
    if (this.isBest(to, target)) this.#best.delete(to);
    const silent = this.#silent.get(to) ?? new Set();
    this.#silent.set(to, silent);
    if (silent.size === maxTargets) silent.clear();
    silent.delete(target.url);
    silent.add(target.url);
  }

  #parse(address: string): Target | undefined {
    if (!this.#parsed.has(address)) {
      if (this.#parsed.size === maxParsed) this.#parsed.clear();
      const target = parseAddress(address);
      if (target === undefined) this.#host.count("bad_addresses");
      // A peer on another machine that listens on loopback tells an address which here is our own.
      this.#parsed.set(address, target && this.#own.has(target.origin) ? undefined : target);
    }
    return this.#parsed.get(address);
  }
}
