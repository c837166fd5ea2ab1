import type { NodeId } from "@multifleet/core";

/** Who may reach whom, as far as this node has been told or has seen: a cache that is never wrong to be empty. */
export interface Routes {
  /** The nodes that are known to reach `to`, best first. */
  likely(to: NodeId): readonly NodeId[];
}

/** The most nodes, and the most names of each, that are remembered. */
const mostNodes = 512;
const mostNames = 64;
/** Relays remembered to have carried to one node. */
const mostProved = 3;

/** What hellos say of whom their nodes hear, and what became of the packets that were passed on. */
export class HeardRoutes implements Routes {
  /** Nodes that pass packets on, with those they hear; whoever spoke last is at the end. */
  readonly #hears = new Map<NodeId, ReadonlySet<NodeId>>();
  /** By target: the relays that carried to it, the last one first. */
  readonly #proved = new Map<NodeId, readonly NodeId[]>();
  readonly #failed = new Map<string, number>();
  readonly #roster: Routes | undefined;

  /** @param roster Who else is known to reach whom: the nodes' rows, the chief first. */
  constructor(roster?: Routes) {
    this.#roster = roster;
  }

  /** Takes what a node's hello says; undefined where it passes nothing on, as older versions do not. */
  learn(node: NodeId, hears: readonly NodeId[] | undefined): void {
    this.#hears.delete(node);
    if (hears === undefined) return;
    this.#hears.set(node, new Set(hears.slice(0, mostNames)));
    shrink(this.#hears);
  }

  /** Whether a node passes packets on, as far as it has said so. */
  passes(node: NodeId): boolean {
    return this.#hears.has(node);
  }

  /** Those that pass packets on, who spoke last first. */
  relays(): readonly NodeId[] {
    return [...this.#hears.keys()].toReversed();
  }

  /** A relay carried to a node. */
  prove(to: NodeId, relay: NodeId): void {
    const others = (this.#proved.get(to) ?? []).filter((other) => other !== relay);
    this.#proved.delete(to);
    this.#proved.set(to, [relay, ...others].slice(0, mostProved));
    this.#failed.delete(`${to}/${relay}`);
    shrink(this.#proved);
  }

  /** A relay did not carry to a node, whatever was known before. */
  disprove(to: NodeId, relay: NodeId, at: number): void {
    this.#failed.delete(`${to}/${relay}`);
    this.#failed.set(`${to}/${relay}`, at);
    shrink(this.#failed);
    const proved = this.#proved.get(to);
    if (proved !== undefined)
      this.#proved.set(
        to,
        proved.filter((other) => other !== relay),
      );
    const hears = this.#hears.get(relay);
    if (hears?.has(to) === true) this.#hears.set(relay, new Set([...hears].filter((other) => other !== to)));
  }

  /** When a relay last failed to carry to a node; 0 where that is not remembered. */
  failedAt(to: NodeId, relay: NodeId): number {
    return this.#failed.get(`${to}/${relay}`) ?? 0;
  }

  likely(to: NodeId): readonly NodeId[] {
    const proved = this.#proved.get(to) ?? [];
    const told = this.relays().filter(
      (relay) => !proved.includes(relay) && this.#hears.get(relay)?.has(to) === true,
    );
    const known = this.#roster?.likely(to) ?? [];
    // What a row says is of use only where its node passes packets on, and has not failed to since.
    const rows = known.filter((relay) => this.passes(relay) && this.failedAt(to, relay) === 0);
    return [...new Set([...proved, ...told, ...rows])];
  }
}

function shrink<Key>(map: Map<Key, unknown>): void {
  const [first] = map.keys();
  if (map.size > mostNodes && first !== undefined) map.delete(first);
}
