import assert from "node:assert/strict";
import { nodeId, type Channel, type NodeId } from "@multifleet/core";
import { frameBytes, sameBytes } from "./bytes.js";
import { within } from "./deadline.js";
import { Node } from "./node.js";
import type { AnyRig } from "./rig.js";

/** A medium with nodes on it, for the length of one case. */
export class World {
  readonly rig: AnyRig;
  readonly medium: unknown;
  readonly #nodes: Node[] = [];
  readonly #sent: { readonly to: Node; readonly bytes: Uint8Array }[] = [];
  #drawn = 0;

  constructor(rig: AnyRig, medium: unknown) {
    this.rig = rig;
    this.medium = medium;
  }

  /** A node whose channel, by default the rig's, is made and not yet open. */
  node(name: string, channel?: Channel): Node {
    const id = nodeId(name);
    const node = new Node(this, id, channel ?? this.rig.channel(this.medium, id));
    this.#nodes.push(node);
    return node;
  }

  /** Two open nodes. */
  async pair(): Promise<readonly [Node, Node]> {
    const [alpha, bravo] = [this.node("alpha"), this.node("bravo")];
    await alpha.open();
    await bravo.open();
    return [alpha, bravo];
  }

  /** Three open nodes. */
  async triple(): Promise<readonly [Node, Node, Node]> {
    const [alpha, bravo] = await this.pair();
    const charlie = this.node("charlie");
    await charlie.open();
    return [alpha, bravo, charlie];
  }

  addressesOf(id: NodeId): readonly string[] {
    return this.#nodes.find((node) => node.id === id)?.addresses ?? [];
  }

  /** How many frames a crowded case sends at once. */
  get crowd(): number {
    return this.rig.crowd ?? 300;
  }

  /** Bytes of a new frame. */
  bytes(size: number): Uint8Array {
    this.#drawn += 1;
    return frameBytes(this.#drawn, size);
  }

  /** Settles as `promise` does, or fails the case at its deadline, saying what did not happen. */
  async within<T>(what: string, promise: Promise<T>): Promise<T> {
    return await within(this.rig.deadlineMs ?? 4_000, what, promise);
  }

  /** Resolves when `node` was handed at least `count` frames in all. */
  async arrived(node: Node, count: number): Promise<void> {
    const { arrivals } = node.host;
    const enough = node.host.until(() => arrivals.length >= count);
    try {
      await this.within("frames arrive", enough);
    } catch (cause) {
      throw new Error(`${node.id} was handed ${arrivals.length} of ${count} frames`, { cause });
    }
  }

  /** Allows these bytes to arrive at `to`, once more. */
  expect(to: Node, bytes: Uint8Array): void {
    this.#sent.push({ to, bytes: bytes.slice() });
  }

  /** Every host was handed only what was sent to it, no more often than that, and heard nothing out of order. */
  check(): void {
    for (const node of this.#nodes) {
      assert.deepEqual(node.host.complaints, [], `what ${node.id} was told`);
      const due = this.#sent.filter(({ to }) => to === node).map(({ bytes }) => bytes);
      for (const { given, copy } of node.host.arrivals) {
        assert.ok(sameBytes(given, copy), `bytes that ${node.id} was handed changed afterwards`);
        const at = due.findIndex((bytes) => sameBytes(bytes, copy));
        assert.notEqual(
          at,
          -1,
          `${node.id} was handed ${copy.length} bytes once more than they were sent to it`,
        );
        due.splice(at, 1);
      }
    }
  }

  async closeAll(): Promise<void> {
    for (const node of this.#nodes) await node.close();
  }
}

/** Runs `body` on a fresh medium, checks what every host was told, and takes everything down. */
export async function onMedium(rig: AnyRig, body: (world: World) => Promise<void>): Promise<void> {
  const medium = await rig.create();
  const world = new World(rig, medium);
  const failures: unknown[] = [];
  const steps = [
    async () => body(world),
    async () => world.closeAll(),
    async () => world.check(),
    async () => rig.dispose?.(medium),
  ];
  for (const step of steps) {
    try {
      await step();
    } catch (error) {
      failures.push(error);
    }
  }
  // The first is what went wrong; the others may follow from it.
  if (failures.length > 0) throw asError(failures[0]);
}

function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error("what was thrown is no Error", { cause: thrown });
}
