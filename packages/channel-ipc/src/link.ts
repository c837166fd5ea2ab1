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
import { machineId } from "@multifleet/core/machine";
import { addressOf, parseAddress } from "./address.js";
import type { Door } from "./door.js";
import { aborted, failure } from "./failure.js";
import { Line } from "./line.js";

/** A peer's further addresses are not tried. */
const maxPaths = 4;
/** Parsed addresses are remembered up to this many; then all are forgotten. */
const maxParsed = 4_096;

interface Entry {
  readonly line: Line;
  /** Who is reached by it. */
  readonly peers: Set<NodeId>;
}

/** An open IPC channel. */
export class IpcLink implements Link {
  readonly closed: Promise<ChannelError | undefined>;
  readonly #host: ChannelHost;
  readonly #door: Door;
  readonly #machine = machineId();
  readonly #parsed = new Map<string, string | undefined>();
  readonly #lines = new Map<string, Entry>();
  readonly #reported = new Map<NodeId, MediumEvent["state"]>();
  #disposal: Promise<void> | undefined;
  #settleClosed: (error: ChannelError | undefined) => void = () => undefined;

  constructor(host: ChannelHost, door: Door) {
    this.#host = host;
    this.#door = door;
    this.closed = new Promise((resolve) => (this.#settleClosed = resolve));
    void door.broken.then((error) => this.#dispose(error));
  }

  get addresses(): readonly string[] {
    return this.#disposal === undefined ? [addressOf(this.#machine, this.#door.path)] : [];
  }

  reaches(to: NodeId): boolean {
    return this.#disposal === undefined && this.#pathsOf(to).length > 0;
  }

  async send({ to, bytes }: Frame, { signal }: { readonly signal: AbortSignal }): Promise<SendResult> {
    try {
      if (bytes.length > maxPacketBytes)
        return failure("TOO_LARGE", `a frame has at most ${maxPacketBytes} bytes`);
      return await this.#sendTo(to, bytes, signal);
    } catch (error) {
      return failure("INTERNAL", String(error), error);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#dispose(undefined);
  }

  async #sendTo(to: NodeId, bytes: Uint8Array, signal: AbortSignal): Promise<SendResult> {
    let result: SendResult | undefined;
    for (const path of this.#pathsOf(to)) {
      if (signal.aborted) return aborted();
      if (this.#disposal !== undefined) return failure("CLOSED", "the link is closed");
      result = await this.#lineTo(path, to).send(bytes, signal);
      if (result.ok || result.error.code !== "UNREACHABLE") return result;
    }
    if (signal.aborted) return aborted();
    if (this.#disposal !== undefined) return failure("CLOSED", "the link is closed");
    result ??= failure("UNREACHABLE", `no address of ${to} on this machine is known`);
    if (!result.ok) this.#report(to, "down", result.error.message);
    return result;
  }

  /** Where a peer listens on this machine. */
  #pathsOf(to: NodeId): readonly string[] {
    const paths = new Set<string>();
    for (const address of this.#host.addresses(to)) {
      const path = this.#pathIn(address);
      if (path !== undefined && paths.size < maxPaths) paths.add(path);
    }
    return [...paths];
  }

  /** Undefined for another machine, and for our own path, which told by another is a mistake. */
  #pathIn(address: string): string | undefined {
    if (!this.#parsed.has(address)) {
      if (this.#parsed.size === maxParsed) this.#parsed.clear();
      const parsed = parseAddress(address);
      if (parsed === undefined) this.#host.count("bad_addresses");
      const isHere = parsed?.machine === this.#machine && parsed.path !== this.#door.path;
      this.#parsed.set(address, isHere ? parsed.path : undefined);
    }
    return this.#parsed.get(address);
  }

  #lineTo(path: string, peer: NodeId): Line {
    const entry = this.#lines.get(path) ?? this.#connect(path);
    entry.peers.add(peer);
    return entry.line;
  }

  #connect(path: string): Entry {
    const peers = new Set<NodeId>();
    const line = new Line(path, {
      up: () => {
        for (const peer of peers) this.#report(peer, "up", `connected to ${path}`);
      },
      lost: (reason) => {
        this.#host.count("lost_connections");
        for (const peer of peers) this.#report(peer, "down", `connection to ${path} lost: ${reason}`);
      },
      refused: () => this.#host.count("connect_errors"),
      malformed: () => this.#host.count("malformed_answers"),
      over: () => this.#lines.delete(path),
    });
    const entry = { line, peers };
    this.#lines.set(path, entry);
    return entry;
  }

  /** Tells the daemon, if it is news. */
  #report(peer: NodeId, state: MediumEvent["state"], reason: string): void {
    if (this.#reported.get(peer) === state) return;
    this.#reported.set(peer, state);
    this.#host.report({ state, peer, reason });
  }

  #dispose(error: ChannelError | undefined): Promise<void> {
    this.#disposal ??= this.#end(error);
    return this.#disposal;
  }

  async #end(error: ChannelError | undefined): Promise<void> {
    const door = this.#door.close();
    const lines = [...this.#lines.values()];
    this.#lines.clear();
    await Promise.all(lines.map(({ line }) => line.close()));
    await door;
    this.#settleClosed(error);
  }
}
