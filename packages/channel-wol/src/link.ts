import {
  maxPacketBytes,
  type ChannelError,
  type ChannelHost,
  type Frame,
  type Link,
  type NodeId,
  type SendResult,
} from "@multifleet/core";
import { addressOf } from "./address.js";
import { Cards } from "./cards.js";
import { aborted, failure } from "./failure.js";
import { Network } from "./network.js";
import type { Settings } from "./options.js";
import { hasLibrary, remedy } from "./packet.js";
import { Waking, type Memory } from "./waking.js";

/** Peers are told no more: a hello has room for sixteen addresses of a channel. */
const mostTold = 8;

/** An open Wake-on-LAN channel. It holds nothing open: a socket is there only while packets are sent. */
export class WolLink implements Link {
  readonly closed: Promise<ChannelError | undefined>;
  readonly #host: ChannelHost;
  readonly #settings: Settings;
  readonly #network: Network;
  readonly #waking: Waking;
  #disposal: Promise<void> | undefined;
  #settleClosed: (error: undefined) => void = () => undefined;

  constructor(host: ChannelHost, settings: Settings, memory: Memory) {
    this.#host = host;
    this.#settings = settings;
    this.#network = new Network(settings.interfaces);
    this.#waking = new Waking(host, settings, this.#network, new Cards(host), memory);
    this.closed = new Promise((resolve) => (this.#settleClosed = resolve));
    if (!hasLibrary()) host.count("missing_library");
    settings.lend((target, signal) => this.#wakeForAnother(target, signal));
  }

  get addresses(): readonly string[] {
    if (this.#disposal !== undefined) return [];
    const all = this.#network.ports.flatMap((port) => port.macs.map((mac) => addressOf(mac, port)));
    return [...new Set(all)].slice(0, mostTold);
  }

  reaches(to: NodeId): boolean {
    return this.#disposal === undefined && this.#waking.cardsOf(to).length > 0;
  }

  async send({ to, bytes }: Frame, { signal }: { readonly signal: AbortSignal }): Promise<SendResult> {
    try {
      if (bytes.length > maxPacketBytes)
        return failure("TOO_LARGE", `a frame has at most ${maxPacketBytes} bytes`);
      if (signal.aborted) return aborted();
      if (this.#disposal !== undefined) return failure("CLOSED", "the link is closed");
      if (this.#waking.cardsOf(to).length === 0)
        return failure("UNREACHABLE", `no MAC address of ${to} is known, but those of this machine`);
      const result = await this.#waking.wake(to, signal);
      return !result.ok && this.#disposal !== undefined ? failure("CLOSED", "the link was closed") : result;
    } catch (error) {
      return failure("INTERNAL", String(error), error);
    }
  }

  status(): Readonly<Record<string, unknown>> {
    return {
      networks: this.#network.ports.map(({ name, address, prefix }) => `${name} ${address}/${prefix}`),
      ...(hasLibrary() ? {} : { trouble: remedy }),
    };
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#disposal ??= this.#end();
    return this.#disposal;
  }

  async #wakeForAnother(target: NodeId, signal: AbortSignal): Promise<boolean> {
    if (signal.aborted || this.#disposal !== undefined) return false;
    const { ok } = await this.#waking.wakeNearby(target, signal);
    this.#host.count(ok ? "woken_for_others" : "not_woken_for_others");
    return ok;
  }

  async #end(): Promise<void> {
    this.#settings.lend(undefined);
    await this.#waking.stop();
    this.#settleClosed(undefined);
  }
}
