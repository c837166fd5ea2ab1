import { readFileSync } from "node:fs";
import { join } from "node:path";
import { http } from "@multifleet/channel-http";
import {
  decodeRelayAnswer,
  encodeContent,
  encodeRelayAnswer,
  encodeRelayRequest,
  fleetGate,
  newPacketId,
  nodeId,
  open,
  seal,
  signer,
  verifier,
  type ChannelHost,
  type Gate,
  type KeyPair,
  type Link,
  type Packet,
  type RelayAnswer,
  type RelayRequest,
  type SendResult,
  type Trust,
  type Verdict,
  type Verifier,
} from "@multifleet/core";
import type { TestNode } from "../fleet.js";

/** One who has all that a member has, its keys among it, and keeps to no rules. */
export class Member implements Trust {
  readonly node: Packet["from"];
  readonly fleet: Packet["fleet"];
  readonly keys: KeyPair;
  readonly #gate: Gate;
  readonly #members: ReadonlyMap<string, Verifier>;
  #link: Link | undefined;

  constructor(home: TestNode) {
    const read = (file: string) => JSON.parse(readFileSync(join(home.home, file), "utf8"));
    const { node, fleet, secret, membership } = read("fleet.json");
    const { members } = JSON.parse(membership.document) as { members: { node: string; key: string }[] };
    this.node = nodeId(node);
    this.fleet = fleet;
    this.keys = read("node.key");
    this.#gate = fleetGate(Buffer.from(secret, "base64url"));
    this.#members = new Map(members.map((each) => [each.node, verifier(each.key)]));
  }

  gate(): Gate {
    return this.#gate;
  }

  key({ from }: Packet): Verifier | undefined {
    return this.#members.get(from);
  }

  /** A packet to `to` as this member would make it, or as it would not. */
  packet(to: string, different: Partial<Packet> = {}, keys = this.keys): Uint8Array {
    const now = Date.now();
    const texts = { session: "", toSession: "", replyTo: "", key: "" } as const;
    const numbers = { seq: 1, base: 1, prev: 0, created: now, expires: now + 60_000 };
    const packet: Packet = {
      ...{ kind: "message", type: "context", fleet: this.fleet, from: this.node, to: nodeId(to) },
      ...{ id: newPacketId(now), stream: Buffer.alloc(16, 9), ...texts, ...numbers },
      ...{ idempotent: false, encrypted: false, body: encodeContent({ subject: "hostile", body: "x" }) },
      ...different,
    };
    return seal(packet, { gate: this.#gate, signer: signer(keys) }).bytes;
  }

  /** A relay's packet with any body. */
  relay(to: string, body: Uint8Array, different: Partial<Packet> = {}): Uint8Array {
    return this.packet(to, { kind: "relay", type: "relay", seq: 0, base: 0, body, ...different });
  }

  /** Takes the place of a node that is down: listens where it did, and is heard from by those that send to it. */
  async listen(port: number, peer: number, receive: (bytes: Uint8Array) => Promise<Verdict>): Promise<void> {
    await this.#open(http({ port }), receive, [`http://127.0.0.1:${peer}`]);
  }

  /** Says hello to `to`, as one that passes packets on. */
  async hello(to: string, port: number): Promise<void> {
    const addresses = { http: [`http://127.0.0.1:${port}`] };
    const body = Buffer.from(
      JSON.stringify({ version: "1.0.0", membership: 9, addresses, relay: { hears: ["mac2"] } }),
    );
    await this.send(to, this.packet(to, { kind: "hello", type: "hello", seq: 0, base: 0, body }));
  }

  /** Sends to the packet listener on `port`. */
  async connect(port: number): Promise<void> {
    const refuse = async () => ({ code: "refused", reason: "nobody is here" }) as const;
    await this.#open(http({ listen: false }), refuse, [`http://127.0.0.1:${port}`]);
  }

  async #open(
    channel: ReturnType<typeof http>,
    receive: ChannelHost["receive"],
    addresses: readonly string[],
  ): Promise<void> {
    const { node, fleet } = this;
    const nothing = () => undefined;
    const host = { node, fleet, receive, count: nothing, report: nothing, addresses: () => addresses };
    this.#link = await channel.open(host, { signal: new AbortController().signal });
  }

  async send(to: string, bytes: Uint8Array): Promise<SendResult> {
    if (this.#link === undefined) throw new Error("not connected");
    const { signal } = new AbortController();
    return this.#link.send({ id: newPacketId(Date.now()), to: nodeId(to), bytes }, { signal });
  }

  /** Asks a node to relay, and reads what it says; the code of the failure where it says nothing. */
  async ask(
    relay: string,
    request: RelayRequest | Uint8Array,
    different: Partial<Packet> = {},
  ): Promise<RelayAnswer | string> {
    const body = request instanceof Uint8Array ? request : encodeRelayRequest(request);
    const result = await this.send(relay, this.relay(relay, body, different));
    if (!result.ok) return result.error.code;
    const opened = open(result.answer ?? new Uint8Array(), this);
    return (opened.ok ? decodeRelayAnswer(opened.packet.body) : undefined) ?? "no answer";
  }

  /** The answer to a relay that this member was asked for. */
  answer(asked: Packet, answer: RelayAnswer): Uint8Array {
    return this.relay(asked.from, encodeRelayAnswer(answer), { replyTo: asked.id });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#link?.[Symbol.asyncDispose]();
  }
}
