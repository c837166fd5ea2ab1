import {
  maxPacketBytes,
  type ChannelError,
  type ChannelHost,
  type Frame,
  type Link,
  type MediumEvent,
  type NodeId,
  type SendResult,
} from "@multifleet/core";
import { asChannelError, failure } from "./failure.js";
import type { Settings } from "./options.js";
import { Post } from "./post.js";
import { parseRemote } from "./remote.js";
import type { Spool } from "./spool.js";

/** An open git channel. */
export class GitLink implements Link {
  /** None: a remote's address may hold secrets, and both ends name it in their own configuration. */
  readonly addresses: readonly string[] = [];
  readonly closed: Promise<ChannelError | undefined>;
  readonly #host: ChannelHost;
  readonly #settings: Settings;
  /** By remote as it was configured. */
  readonly #posts = new Map<string, Post>();
  readonly #peers = new Map<Post, Set<NodeId>>();
  readonly #ignored = new Set<string>();
  #disposal: Promise<void> | undefined;
  #settleClosed: (error: ChannelError | undefined) => void = () => undefined;

  constructor(host: ChannelHost, spool: Spool, settings: Settings) {
    this.#host = host;
    this.#settings = settings;
    this.closed = new Promise((resolve) => (this.#settleClosed = resolve));
    for (const text of [settings.remote, ...settings.remotes]) {
      const remote = text === undefined || this.#posts.has(text) ? undefined : parseRemote(text);
      if (text === undefined || remote === undefined) continue;
      const post: Post = new Post(remote, host, spool, settings, (event) => this.#report(post, event));
      this.#posts.set(text, post);
      this.#peers.set(post, new Set());
    }
  }

  async start(): Promise<void> {
    await Promise.all([...this.#posts.values()].map((post) => post.start()));
  }

  reaches(to: NodeId): boolean {
    return this.#disposal === undefined && this.#postOf(to) !== undefined;
  }

  async send({ id, to, bytes }: Frame, { signal }: { readonly signal: AbortSignal }): Promise<SendResult> {
    try {
      if (this.#disposal !== undefined) return failure("CLOSED", "the link is closed");
      if (signal.aborted) return failure("ABORTED", "the send was aborted");
      if (bytes.length > maxPacketBytes)
        return failure("TOO_LARGE", `a frame has at most ${maxPacketBytes} bytes`);
      const post = this.#postOf(to);
      if (post === undefined) return failure("UNREACHABLE", `no remote is known that leads to ${to}`);
      const covered = await this.#settings.cover.cover(bytes, to);
      if (covered === undefined) {
        this.#host.count("unknown_recipients");
        return failure("UNREACHABLE", `no key of ${to} is known: nothing goes to a remote uncovered`);
      }
      return await post.send({ id, to, bytes: covered }, signal);
    } catch (error) {
      return { ok: false, error: asChannelError(error) };
    }
  }

  poke(): void {
    for (const post of this.#posts.values()) post.poke();
  }

  status(): Readonly<Record<string, unknown>> {
    return { remotes: [...this.#posts.values()].map((post) => post.status()) };
  }

  [Symbol.asyncDispose](): Promise<void> {
    return (this.#disposal ??= this.#end());
  }

  /** The remote by which a peer is reached: its own, or that of the fleet. A peer's word alone leads nowhere. */
  #postOf(to: NodeId): Post | undefined {
    if (to === this.#host.node) return undefined;
    let post: Post | undefined;
    for (const address of this.#host.addresses(to)) {
      post ??= this.#posts.get(address);
      if (!this.#posts.has(address)) this.#ignore(address);
    }
    post ??= this.#settings.remote === undefined ? undefined : this.#posts.get(this.#settings.remote);
    if (post !== undefined) this.#peers.get(post)?.add(to);
    return post;
  }

  #ignore(address: string): void {
    if (this.#ignored.has(address) || this.#ignored.size >= 1_024) return;
    this.#ignored.add(address);
    this.#host.count("unlisted_remotes");
  }

  #report(post: Post, event: Pick<MediumEvent, "state" | "reason">): void {
    if (this.#disposal !== undefined) return;
    if (this.#posts.size === 1) return this.#host.report(event);
    for (const peer of this.#peers.get(post) ?? []) this.#host.report({ ...event, peer });
  }

  async #end(): Promise<void> {
    await Promise.all([...this.#posts.values()].map((post) => post.close()));
    this.#settleClosed(undefined);
  }
}
