import {
  ChannelError,
  maxPacketBytes,
  type ChannelHost,
  type Frame,
  type Link,
  type MediumEvent,
  type NodeId,
  type SendResult,
} from "@multifleet/core";
import type { Connection } from "./connection.js";
import { aborted, failure, printable, sshError } from "./failure.js";
import { parseHint, type Hint } from "./hint.js";
import type { PeerOptions, Settings } from "./options.js";
import type { Pool, User } from "./pool.js";
import { unlessAborted } from "./until.js";

/** One frame's way over a connection. */
export interface Passage {
  readonly connection: Connection;
  readonly bytes: Buffer;
  readonly peer: PeerOptions & { readonly command: string };
  /** Where the peer says its own things are on its machine: the path in an address such as `ipc:0123:/home/ada/.multifleet/daemon.sock`. */
  announced(channel: string): string | undefined;
  /** Fires with the ChannelError that the send is to end with. */
  readonly signal: AbortSignal;
  count(event: string): void;
}

/** Carries a frame over a connection that stands. @throws ChannelError, or what the library threw */
export type Carry = (passage: Passage) => Promise<SendResult>;

/** An open channel over SSH. */
export class SshLink implements Link, User {
  readonly addresses: readonly string[] = [];
  readonly closed: Promise<ChannelError | undefined>;
  readonly #host: ChannelHost;
  readonly #settings: Settings;
  readonly #pool: Pool;
  readonly #carry: Carry;
  readonly #sends = new Set<AbortController>();
  readonly #reported = new Map<NodeId, MediumEvent["state"]>();
  #disposal: Promise<void> | undefined;
  #settleClosed: (error: undefined) => void = () => undefined;

  constructor(host: ChannelHost, settings: Settings, pool: Pool, carry: Carry) {
    this.#host = host;
    this.#settings = settings;
    this.#pool = pool;
    this.#carry = carry;
    this.closed = new Promise((resolve) => (this.#settleClosed = resolve));
    pool.join();
  }

  reaches(to: NodeId): boolean {
    const text = this.#disposal === undefined ? this.#hintOf(to) : undefined;
    return text !== undefined && parseHint(text) !== undefined;
  }

  async send({ to, bytes }: Frame, { signal }: { readonly signal: AbortSignal }): Promise<SendResult> {
    if (bytes.length > maxPacketBytes)
      return failure("TOO_LARGE", `a frame has at most ${maxPacketBytes} bytes`);
    if (signal.aborted) return aborted();
    if (this.#disposal !== undefined) return failure("CLOSED", "the link is closed");
    const text = this.#hintOf(to);
    if (text === undefined) return failure("UNREACHABLE", `no ssh host of ${to} is known`);
    const hint = parseHint(text);
    if (hint === undefined) {
      this.#host.count("bad_addresses");
      return failure("UNREACHABLE", `${JSON.stringify(printable(text))} is no ssh host that is safe to use`);
    }
    const attempt = new AbortController();
    const abort = () => attempt.abort(sshError("ABORTED", "the send was aborted"));
    signal.addEventListener("abort", abort, { once: true });
    this.#sends.add(attempt);
    try {
      return await this.#sendTo(to, hint, bytes, attempt.signal);
    } catch (error) {
      if (attempt.signal.aborted) return { ok: false, error: attempt.signal.reason as ChannelError };
      if (error instanceof ChannelError) return { ok: false, error };
      return failure("INTERNAL", String(error), error);
    } finally {
      signal.removeEventListener("abort", abort);
      this.#sends.delete(attempt);
    }
  }

  lost(peer: NodeId, reason: string): void {
    if (this.#disposal !== undefined) return;
    this.#host.count("lost_connections");
    this.#report(peer, "down", `the connection was lost: ${reason}`);
  }

  status(): Readonly<Record<string, unknown>> {
    return this.#pool.status(this);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#disposal ??= this.#dispose();
    await this.#disposal;
  }

  async #sendTo(to: NodeId, hint: Hint, bytes: Uint8Array, signal: AbortSignal): Promise<SendResult> {
    const connection = this.#pool.connection(to, hint, this.#settings, this);
    return await connection.use(async () => {
      try {
        await unlessAborted(signal, connection.ready);
      } catch (error) {
        if (!signal.aborted) this.#host.count("connect_errors");
        throw error;
      }
      this.#report(to, "up", `connected to ${hint.host}`);
      const peer = this.#settings.peers.get(to) ?? {};
      return await this.#carry({
        connection,
        // The library wants a Buffer; it is a view of the same bytes, which are only read.
        bytes: Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength),
        peer: { ...peer, command: peer.command ?? this.#settings.command },
        announced: (channel) => announcedPath(channel, this.#host.addresses(to, channel)),
        signal,
        count: (event) => this.#host.count(event),
      });
    });
  }

  #hintOf(to: NodeId): string | undefined {
    return this.#settings.peers.get(to)?.ssh ?? this.#host.addresses(to, "ssh")[0];
  }

  /** Tells the daemon, if it is news. */
  #report(peer: NodeId, state: MediumEvent["state"], reason: string): void {
    if (this.#disposal !== undefined || this.#reported.get(peer) === state) return;
    this.#reported.set(peer, state);
    this.#host.report({ state, peer, reason });
  }

  async #dispose(): Promise<void> {
    for (const attempt of this.#sends) attempt.abort(sshError("CLOSED", "the link was closed"));
    await this.#pool.leave();
    this.#settleClosed(undefined);
  }
}

/** The path in the first address that has one. It is a path on the peer's machine: which machine it calls that, is nothing to us. */
function announcedPath(channel: string, addresses: readonly string[]): string | undefined {
  for (const address of addresses) {
    const [, path] = /^[^:]+:[^:]+:(\/[^\0]*)$/s.exec(address) ?? [];
    if (path !== undefined && address.startsWith(`${channel}:`)) return path;
  }
  return undefined;
}
