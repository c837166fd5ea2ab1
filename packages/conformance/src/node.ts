import assert from "node:assert/strict";
import {
  newPacketId,
  type Channel,
  type Link,
  type NodeId,
  type PacketId,
  type SendResult,
} from "@multifleet/core";
import { Host } from "./host.js";
import type { World } from "./world.js";

/** One node of a case: its channel, the daemon that the kit plays for it, and the link while that is open. */
export class Node {
  readonly id: NodeId;
  readonly channel: Channel;
  readonly host: Host;
  /** Where others find it: what its last link said, also when that is closed. */
  addresses: readonly string[] = [];
  readonly #world: World;
  #link: Link | undefined;

  constructor(world: World, id: NodeId, channel: Channel) {
    this.#world = world;
    this.id = id;
    this.channel = channel;
    this.host = new Host(id, (to) => world.addressesOf(to));
  }

  get link(): Link {
    assert.ok(this.#link, `${this.id} is not open`);
    return this.#link;
  }

  async open(signal: AbortSignal = new AbortController().signal): Promise<Link> {
    this.host.isGone = false;
    this.#link = await this.#world.within("open() ends", this.channel.open(this.host, { signal }));
    this.addresses = this.#link.addresses;
    return this.#link;
  }

  async close(): Promise<void> {
    const link = this.#link;
    this.#link = undefined;
    if (link === undefined) return;
    await this.#world.within("disposing a link ends", Promise.resolve(link[Symbol.asyncDispose]()));
    this.host.isGone = true;
  }

  /** Sends `bytes` to a node, where they may arrive once. */
  async send(
    to: Node,
    bytes = this.#world.bytes(1_024),
    signal?: AbortSignal,
    id?: PacketId,
  ): Promise<SendResult> {
    this.#world.expect(to, bytes);
    return await this.carry(to.id, bytes, signal, this.link, id);
  }

  /** Sends `bytes` that must arrive nowhere. */
  async carry(
    to: NodeId,
    bytes: Uint8Array,
    signal: AbortSignal = new AbortController().signal,
    link = this.link,
    id = newPacketId(Date.now()),
  ): Promise<SendResult> {
    const frame = Object.freeze({ id, to, bytes });
    const result = link.send(frame, { signal });
    assert.ok(result instanceof Promise, "send() returns a promise");
    return await this.#world.within("send() ends", result);
  }
}
