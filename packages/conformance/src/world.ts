import assert from "node:assert/strict";
import {
  newPacketId,
  nodeId,
  type Channel,
  type Frame,
  type Link,
  type NodeId,
  type SendResult,
} from "@multifleet/core";
import { frameBytes, sameBytes } from "./bytes.js";
import { within } from "./deadline.js";
import { Host } from "./host.js";
import type { AnyRig } from "./rig.js";

/** One node of a case: its channel, the daemon that the kit plays for it, and the link while that is open. */
export class Node {
  readonly id: NodeId;
  readonly channel: Channel;
  readonly host: Host;
  /** Where others find it: what its last link said. */
  addresses: readonly string[] = [];
  readonly #world: World;
  #link: Link | undefined;

  constructor(world: World, id: NodeId) {
    this.#world = world;
    this.id = id;
    this.channel = world.channel(id);
    this.host = new Host(id, (to) => world.addressesOf(to));
  }

  get link(): Link {
    assert.ok(this.#link, `${this.id} is not open`);
    return this.#link;
  }

  async open(signal: AbortSignal = new AbortController().signal): Promise<Link> {
    this.#link = await this.#world.within("open() ends", this.channel.open(this.host, { signal }));
    this.addresses = this.#link.addresses;
    return this.#link;
  }

  async close(): Promise<void> {
    const link = this.#link;
    this.#link = undefined;
    if (link) await this.#world.within("disposing a link ends", Promise.resolve(link[Symbol.asyncDispose]()));
  }

  /** Sends `bytes` to a node and remembers that they may arrive there once. */
  async send(to: Node, bytes = frameBytes(1_024), signal?: AbortSignal): Promise<SendResult> {
    this.#world.expect(to, bytes);
    return await this.carry(to.id, bytes, signal);
  }

  /** Sends `bytes` that must never arrive, or to where nobody is. */
  async carry(to: NodeId, bytes: Uint8Array, signal?: AbortSignal): Promise<SendResult> {
    const frame: Frame = { id: newPacketId(Date.now()), to, bytes };
    const result = this.link.send(frame, { signal: signal ?? new AbortController().signal });
    return await this.#world.within("send() ends", result);
  }
}

/** A medium with nodes on it, for the length of one case. */
export class World {
  readonly rig: AnyRig;
  readonly medium: unknown;
  readonly #nodes: Node[] = [];
  readonly #sent: { readonly to: Node; readonly bytes: Uint8Array }[] = [];

  constructor(rig: AnyRig, medium: unknown) {
    this.rig = rig;
    this.medium = medium;
  }

  /** Makes a channel and its host, not yet open. */
  node(name: string): Node {
    const node = new Node(this, nodeId(name));
    this.#nodes.push(node);
    return node;
  }

  /** Nodes that are open and can reach each other. */
  async pair(): Promise<readonly [Node, Node]> {
    const [alpha, bravo] = [this.node("alpha"), this.node("bravo")];
    await alpha.open();
    await bravo.open();
    return [alpha, bravo];
  }

  async triple(): Promise<readonly [Node, Node, Node]> {
    const [alpha, bravo] = await this.pair();
    const charlie = this.node("charlie");
    await charlie.open();
    return [alpha, bravo, charlie];
  }

  channel(id: NodeId): Channel {
    return this.rig.channel(this.medium, id);
  }

  addressesOf(id: NodeId): readonly string[] {
    return this.#nodes.find((node) => node.id === id)?.addresses ?? [];
  }

  /** How many frames a crowded case sends at once. */
  get crowd(): number {
    return this.rig.crowd ?? 300;
  }

  async within<T>(what: string, promise: Promise<T>): Promise<T> {
    return await within(this.rig.deadlineMs ?? 4_000, what, promise);
  }

  /** Resolves when `node` was handed at least `count` frames. */
  async arrived(node: Node, count: number): Promise<void> {
    const has = () => node.host.arrivals.length;
    try {
      await this.within(
        "frames arrive",
        node.host.until(() => has() >= count),
      );
    } catch (cause) {
      throw new Error(`${node.id} was handed ${has()} of ${count} frames`, { cause });
    }
  }

  expect(to: Node, bytes: Uint8Array): void {
    this.#sent.push({ to, bytes: bytes.slice() });
  }

  /** Every frame that a host was handed was sent to it, and not more often than it was sent. */
  checkArrivals(): void {
    for (const node of this.#nodes) {
      const due = this.#sent.filter(({ to }) => to === node).map(({ bytes }) => bytes);
      for (const { copy } of node.host.arrivals) {
        const at = due.findIndex((bytes) => sameBytes(bytes, copy));
        assert.notEqual(
          at,
          -1,
          `${node.id} was handed ${copy.length} bytes that nobody sent it, or twice what was sent once`,
        );
        due.splice(at, 1);
      }
    }
  }

  async closeAll(): Promise<void> {
    for (const node of this.#nodes) await node.close();
  }
}

/** Runs `body` on a fresh medium, checks that nothing stray arrived, and takes everything down. */
export async function onMedium(rig: AnyRig, body: (world: World) => Promise<void>): Promise<void> {
  const medium = await rig.create();
  const world = new World(rig, medium);
  try {
    try {
      await body(world);
    } finally {
      await world.closeAll();
    }
    world.checkArrivals();
  } finally {
    await rig.dispose?.(medium);
  }
}
