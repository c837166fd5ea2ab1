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
import { Bot } from "./bot.js";
import { failure, fault, faultOfRequest } from "./failure.js";
import { Intake } from "./intake.js";
import type { Settings } from "./options.js";
import { formOf, maxAttachmentBytes } from "./post.js";
import { tagFor } from "./tag.js";

/** An open Discord channel. */
export class DiscordLink implements Link {
  readonly addresses: readonly string[];
  readonly closed: Promise<ChannelError | undefined>;
  readonly #host: ChannelHost;
  readonly #settings: Settings;
  readonly #bot: Bot;
  readonly #intake: Intake;
  readonly #sends = new Set<AbortController>();
  #state: MediumEvent["state"] = "up";
  #isOpen = false;
  #disposal: Promise<void> | undefined;
  #settleClosed: (error: ChannelError | undefined) => void = () => undefined;

  private constructor(host: ChannelHost, settings: Settings) {
    this.#host = host;
    this.#settings = settings;
    this.addresses = [addressOf(settings)];
    this.closed = new Promise((resolve) => (this.#settleClosed = resolve));
    this.#bot = new Bot(settings, {
      ready: () => this.#intake.lookThrough(),
      message: (message) => this.#intake.offer(message),
      up: () => this.#report("up", "the gateway is connected"),
      down: (reason) => this.#report("down", reason),
      over: (error) => this.#over(error),
      count: (event) => this.#host.count(event),
    });
    this.#intake = new Intake(host, settings, this.#bot);
  }

  /** @throws ChannelError; nothing is left open then. */
  static async open(
    host: ChannelHost,
    settings: Settings,
    token: string,
    signal: AbortSignal,
  ): Promise<DiscordLink> {
    const link = new DiscordLink(host, settings);
    try {
      await link.#bot.open(token, signal);
    } catch (error) {
      await link.#dispose(undefined);
      if (signal.aborted) throw fault("ABORTED", "opening was aborted", error);
      throw openingFault(error);
    }
    link.#isOpen = true;
    return link;
  }

  reaches(to: NodeId): boolean {
    return this.#disposal === undefined && this.#host.addresses(to).includes(addressOf(this.#settings));
  }

  async send({ to, bytes }: Frame, { signal }: { readonly signal: AbortSignal }): Promise<SendResult> {
    const own = new AbortController();
    const abort = () => own.abort();
    signal.addEventListener("abort", abort);
    this.#sends.add(own);
    try {
      if (bytes.length > maxPacketBytes)
        return failure("TOO_LARGE", `a frame has at most ${maxPacketBytes} bytes`);
      this.#check(signal);
      if (!this.reaches(to)) return failure("UNREACHABLE", `${to} is not known to read this Discord channel`);
      const covered = await this.#settings.cover.cover(bytes, to);
      if (covered === undefined) return failure("UNREACHABLE", `no age recipient of ${to} is known`);
      if (covered.length > maxAttachmentBytes)
        return failure("TOO_LARGE", `an encrypted frame has at most ${maxAttachmentBytes} bytes`);
      this.#check(signal);
      await this.#bot.post(formOf(tagFor(this.#host.fleet, to), covered), own.signal);
      // Whatever the gateway is doing, what is posted is stored.
      this.#report("up", "Discord has stored a message");
      return { ok: true, effect: "stores" };
    } catch (error) {
      if (signal.aborted) return failure("ABORTED", "the send was aborted");
      const cause = faultOfRequest(error);
      if (this.#disposal !== undefined && cause.code !== "DENIED")
        return failure("CLOSED", "the link is closed");
      if (cause.code !== "BUSY") this.#host.count("send_errors");
      return { ok: false, error: cause };
    } finally {
      signal.removeEventListener("abort", abort);
      this.#sends.delete(own);
    }
  }

  /** Reads what the gateway will not tell: what had to stay and, while there is no gateway, everything. */
  poke(): void {
    if (this.#disposal !== undefined) return;
    if (this.#intake.isIncomplete || !this.#bot.isConnected) this.#intake.lookThrough();
  }

  status(): Readonly<Record<string, unknown>> {
    const { waiting, left } = this.#intake.counts;
    return {
      channel: this.#settings.channel,
      gateway: this.#bot.isConnected ? "connected" : "not connected",
      waiting,
      left,
      rate_limit_ms: Math.ceil(this.#bot.pauseMs),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#dispose(undefined);
  }

  #check(signal: AbortSignal): void {
    if (signal.aborted) throw fault("ABORTED", "the send was aborted");
    if (this.#disposal !== undefined) throw fault("CLOSED", "the link is closed");
  }

  /** Tells the daemon, if it is news. */
  #report(state: MediumEvent["state"], reason: string): void {
    if (this.#disposal !== undefined || this.#state === state) return;
    this.#state = state;
    this.#host.report({ state, reason });
  }

  /** The token or the bot's rights are gone: only opening anew can tell whether they are back. */
  #over(error: ChannelError): void {
    if (!this.#isOpen || this.#disposal !== undefined) return;
    this.#host.count("ended_sessions");
    void this.#dispose(error);
  }

  #dispose(error: ChannelError | undefined): Promise<void> {
    this.#disposal ??= this.#end(error);
    return this.#disposal;
  }

  async #end(error: ChannelError | undefined): Promise<void> {
    for (const send of this.#sends) send.abort();
    await this.#intake.close();
    await this.#bot.close();
    this.#settleClosed(error);
  }
}

/** Tells peers which Discord channel this node reads, and asks the same of theirs. */
function addressOf({ channel, api }: Settings): string {
  const { host } = new URL(api);
  return host === "discord.com" ? `discord:${channel}` : `discord:${channel}@${host}`;
}

/** A token that Discord does not know will not become valid: nobody is to knock with it again and again. */
function openingFault(error: unknown): ChannelError {
  const cause = faultOfRequest(error);
  const status = statusOf(cause);
  if (status === 401 || /\b4004\b/.test(cause.message))
    return fault(
      "MISCONFIGURED",
      "Discord does not accept the token. Copy a new one from the developer portal: Bot, Reset Token",
      cause.cause,
    );
  if (status === 404)
    return fault(
      "MISCONFIGURED",
      "Discord knows no such channel. Copy its id again: right-click on it, Copy Channel ID",
      cause.cause,
    );
  if (status === 403)
    return fault(
      "DENIED",
      "the bot cannot see the channel. Invite it to the server, and give it View Channel there",
      cause.cause,
    );
  return cause.code === "CLOSED" || cause.code === "TIMEOUT" || cause.code === "BUSY"
    ? fault("UNREACHABLE", cause.message, cause.cause)
    : cause;
}

function statusOf({ cause, message }: ChannelError): unknown {
  if (typeof cause === "object" && cause !== null && "status" in cause) return cause.status;
  return message.includes("Discord answered 401") ? 401 : undefined;
}
