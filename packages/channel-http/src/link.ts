import {
  maxPacketBytes,
  type ChannelError,
  type ChannelErrorCode,
  type Frame,
  type Link,
  type NodeId,
  type SendResult,
} from "@multifleet/core";
import type { Directory } from "./directory.js";
import type { Endpoints } from "./endpoints.js";
import { aborted, failure } from "./failure.js";
import type { Listener } from "./listener.js";

/** Codes after which a frame has not been taken at an address, which may not even be the peer's any more. */
const passesOn: ReadonlySet<ChannelErrorCode> = new Set(["UNREACHABLE", "REFUSED", "DENIED", "INTERNAL"]);

/**
 * An address that answered nothing for so long, in ms, while a send waited, is taken for dead. A send that lost a race to
 * another channel is given up sooner and says nothing about the address.
 */
const silenceMs = 1_000;

/** An open HTTP channel. */
export class HttpLink implements Link {
  readonly closed: Promise<ChannelError | undefined>;
  readonly #directory: Directory;
  readonly #endpoints: Endpoints;
  readonly #listener: Listener | undefined;
  #disposal: Promise<void> | undefined;
  #settleClosed: (error: ChannelError | undefined) => void = () => undefined;

  constructor(directory: Directory, endpoints: Endpoints, listener: Listener | undefined) {
    this.#directory = directory;
    this.#endpoints = endpoints;
    this.#listener = listener;
    this.closed = new Promise((resolve) => (this.#settleClosed = resolve));
    void listener?.broken.then((error) => this.#dispose(error));
  }

  /** Read anew each time: a laptop's addresses change while it listens on all of them. */
  get addresses(): readonly string[] {
    return this.#disposal === undefined ? (this.#listener?.addresses ?? []) : [];
  }

  reaches(to: NodeId): boolean {
    return this.#disposal === undefined && this.#directory.targetsOf(to).length > 0;
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

  /** Tries the peer's addresses in turn, until one of them has decided. */
  async #sendTo(to: NodeId, bytes: Uint8Array, signal: AbortSignal): Promise<SendResult> {
    if (!this.#endpoints.loaded) await this.#endpoints.load();
    let result: SendResult | undefined;
    for (const target of this.#directory.targetsOf(to)) {
      if (signal.aborted) return aborted();
      if (this.#disposal !== undefined) return failure("CLOSED", "the link is closed");
      const endpoint = this.#endpoints.at(target, to);
      const { answered } = endpoint;
      const begun = performance.now();
      result = await endpoint.send(bytes, signal);
      if (result.ok) {
        this.#directory.praise(to, target);
        return result;
      }
      const { code } = result.error;
      const isSilent = endpoint.answered === answered && performance.now() - begun >= silenceMs;
      if (code === "ABORTED" && (isSilent || !endpoint.connected)) this.#directory.postpone(to, target);
      // Where frames were taken before lives the peer itself: there its refusal counts.
      if (!passesOn.has(code) || (code === "REFUSED" && this.#directory.isBest(to, target))) return result;
    }
    if (signal.aborted) return aborted();
    if (this.#disposal !== undefined) return failure("CLOSED", "the link is closed");
    result ??= failure("UNREACHABLE", `no address of ${to} is known`);
    if (!result.ok && result.error.code === "UNREACHABLE")
      this.#endpoints.report(to, "down", result.error.message);
    return result;
  }

  #dispose(error: ChannelError | undefined): Promise<void> {
    this.#disposal ??= this.#end(error);
    return this.#disposal;
  }

  async #end(error: ChannelError | undefined): Promise<void> {
    const listener = this.#listener?.close();
    await this.#endpoints.close();
    await listener;
    this.#settleClosed(error);
  }
}
