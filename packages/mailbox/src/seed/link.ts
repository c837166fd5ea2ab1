import {
  ChannelError,
  maxPacketBytes,
  type ChannelHost,
  type Frame,
  type Link,
  type NodeId,
  type SendResult,
} from "@multifleet/core";
import { machineId } from "@multifleet/core/machine";
import { seedAddress, seedPath } from "./address.js";
import { SeedDirectory } from "./directory.js";
import { sendFailure } from "./failure.js";
import { Intake } from "./intake.js";

/** A peer's further addresses are not tried, and no more directories than this are remembered. */
const maxPaths = 4;
const maxKnown = 64;

/** An open seed channel. */
export class SeedLink implements Link {
  readonly closed: Promise<ChannelError | undefined>;
  readonly #host: ChannelHost;
  readonly #directory: SeedDirectory;
  readonly #machine = machineId();
  readonly #intake: Intake;
  /** Peers' directories, whose flushes are shared by those who write at the same time. */
  readonly #known = new Map<string, SeedDirectory>();
  readonly #sending = new Set<Promise<SendResult>>();
  #disposal: Promise<void> | undefined;
  #settle: (error: ChannelError | undefined) => void = () => undefined;

  constructor(directory: SeedDirectory, host: ChannelHost) {
    this.#host = host;
    this.#directory = directory;
    this.#intake = new Intake(directory, host, (error) => void this.#dispose(sendFailure(error)));
    this.closed = new Promise((resolve) => (this.#settle = resolve));
  }

  start(): Promise<void> {
    return this.#intake.start();
  }

  get addresses(): readonly string[] {
    return [seedAddress(this.#machine, this.#directory.path)];
  }

  reaches(to: NodeId): boolean {
    return this.#disposal === undefined && this.#pathsOf(to).length > 0;
  }

  async send({ to, bytes }: Frame, { signal }: { readonly signal: AbortSignal }): Promise<SendResult> {
    const sending = this.#send(to, bytes, signal);
    this.#sending.add(sending);
    try {
      return await sending;
    } finally {
      this.#sending.delete(sending);
    }
  }

  poke(): void {
    this.#intake.poke();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#dispose(undefined);
  }

  async #send(to: NodeId, bytes: Uint8Array, signal: AbortSignal): Promise<SendResult> {
    if (signal.aborted) return failure("ABORTED", "the send was aborted");
    if (this.#disposal !== undefined) return failure("CLOSED", "the link is closed");
    if (bytes.length > maxPacketBytes)
      return failure("TOO_LARGE", `a frame has at most ${maxPacketBytes} bytes`);
    let result = failure("UNREACHABLE", `no seed directory of ${to} on this machine is known`);
    for (const path of this.#pathsOf(to)) {
      result = await this.#store(path, bytes, signal);
      if (result.ok || result.error.code === "ABORTED") return result;
    }
    this.#host.count("write_errors");
    return result;
  }

  async #store(path: string, bytes: Uint8Array, signal: AbortSignal): Promise<SendResult> {
    try {
      // Looked at every time: it may have become something else since the last.
      const found = await SeedDirectory.find(path);
      if (this.#known.size >= maxKnown) this.#known.clear();
      const directory = this.#known.get(path) ?? found;
      this.#known.set(path, directory);
      await directory.store(bytes, signal);
      return { ok: true, effect: "stores" };
    } catch (error) {
      return { ok: false, error: sendFailure(error) };
    }
  }

  #pathsOf(to: NodeId): readonly string[] {
    const paths = this.#host.addresses(to).map((address) => seedPath(address, this.#machine));
    return [...new Set(paths.filter((path) => path !== undefined))].slice(0, maxPaths);
  }

  #dispose(error: ChannelError | undefined): Promise<void> {
    return (this.#disposal ??= this.#end(error));
  }

  async #end(error: ChannelError | undefined): Promise<void> {
    await Promise.all([this.#intake.close(), ...this.#sending]);
    this.#settle(error);
  }
}

function failure(code: ChannelError["code"], message: string): SendResult {
  return { ok: false, error: new ChannelError(code, `seed: ${message}`) };
}
