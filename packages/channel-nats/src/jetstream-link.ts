import {
  channelErrorCodes,
  maxPacketBytes,
  type ChannelError,
  type ChannelHost,
  type Frame,
  type Link,
  type NodeId,
  type SendResult,
} from "@multifleet/core";
import { Api, parseObject, refusalIn, refusals, type Json } from "./api.js";
import type { Connection } from "./client.js";
import { failed, failure, messageOf, natsError } from "./failure.js";
import { Feed } from "./feed.js";
import { Growth } from "./growth.js";
import type { Line } from "./line.js";
import { streamName } from "./names.js";
import type { Requests } from "./requests.js";
import { Seat, type Service } from "./seat.js";
import { ensureStream, findStream, messagesPlan, removed, replicasFor, type StreamState } from "./stream.js";

/** How the stream is, for people to see, is asked when something was stored or read, and no more often than this, in ms. */
const refreshMs = 1_000;

/** The open `jetstream` channel: one copy of a frame in a stream, until its receiver has dealt with it. */
export class JetStreamLink implements Link, Service {
  readonly addresses: readonly string[] = [];
  readonly seat: Seat;
  readonly #host: ChannelHost;
  readonly #line: Line;
  readonly #feed: Feed;
  #api: Api | undefined;
  #state: StreamState | undefined;
  #growth: Growth | undefined;
  #unsubscribe: () => void = () => undefined;
  /** What comes while it is looked is looked after: it may be news. */
  #looking: "no" | "yes" | "and again" = "no";
  #refreshed = 0;
  /** Whether it could be: without JetStream there is no way to anybody. */
  #isServed = true;

  constructor(line: Line, host: ChannelHost) {
    this.#host = host;
    this.#line = line;
    this.seat = new Seat(line, host, this);
    this.#feed = new Feed(line, host, () => this.#traffic());
  }

  get closed(): Promise<ChannelError | undefined> {
    return this.seat.closed;
  }

  /** The stream keeps copies for anybody. */
  reaches(to: NodeId): boolean {
    return !this.seat.isOver && this.#isServed && to !== this.#host.node;
  }

  async send({ id, to, bytes }: Frame, { signal }: { readonly signal: AbortSignal }): Promise<SendResult> {
    if (bytes.length > maxPacketBytes)
      return failure("TOO_LARGE", `a frame has at most ${maxPacketBytes} bytes`);
    if (signal.aborted) return failure("ABORTED", "the send was aborted");
    if (this.seat.isOver) return failure("CLOSED", "the link is closed");
    const { requests } = this.seat;
    if (requests === undefined) return failure("CLOSED", this.seat.reason);
    try {
      const answer = await requests.ask(this.#line.names.stored(to, id), bytes, {
        owner: this.seat,
        signal,
        timeoutMs: this.#line.settings.requestTimeoutMs,
        headers: { "Nats-Msg-Id": id, "Nats-Expected-Stream": streamName },
        read: readReceipt,
      });
      return this.#resultOf(answer);
    } catch (thrown) {
      const result = failed(thrown);
      // Nobody took it: the stream is gone, or it has no leader just now. The next one need not ask.
      if (!result.ok && result.error.code === "UNREACHABLE" && this.seat.requests === requests) {
        this.seat.fail(natsError("UNREACHABLE", "no server keeps the stream just now"));
        this.#look();
      }
      return result;
    }
  }

  poke(): void {
    this.#line.wake();
    if (this.seat.requests === undefined) this.seat.begin();
    else if (this.#feed.hasLeft) this.#rebuild();
  }

  status(): Readonly<Record<string, unknown>> {
    const state = this.#state;
    return {
      available: this.seat.requests !== undefined,
      ...(this.seat.requests === undefined ? { reason: this.seat.reason } : {}),
      ...(this.#line.settings.domain === undefined ? {} : { domain: this.#line.settings.domain }),
      stream: streamName,
      ...(state === undefined
        ? {}
        : {
            messages: state.messages,
            bytes: state.bytes,
            replicas: state.replicas,
            max_bytes: state.config["max_bytes"],
            created: state.created,
          }),
      left: this.#feed.left,
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.seat.dispose();
  }

  async begin(connection: Connection, requests: Requests): Promise<void> {
    this.#unsubscribe();
    const { names, settings } = this.#line;
    const api = new Api(requests, this.seat, settings.domain);
    this.#isServed = true;
    try {
      checkVersion(connection.info?.version);
      const plan = messagesPlan(settings, names.stored(names.node, "*").replace("*", "id"));
      const replicas = replicasFor(connection.info, settings.replicas);
      const state = await ensureStream(api, plan, replicas);
      if (this.#state !== undefined && this.#state.created !== state.created) return this.#vanished();
      this.#state = state;
      this.#api = api;
      this.#growth = new Growth(api, this.#line, this.#host, (grown) => (this.#state = grown ?? this.#state));
      this.#subscribe(connection);
      await this.#feed.begin(connection, requests, api, state);
    } catch (thrown) {
      throw this.#whyNot(thrown);
    }
    this.#growth.start(this.#state);
  }

  lost(): void {
    this.#api = undefined;
    this.#unsubscribe = () => undefined;
    this.#growth?.stop();
    this.#feed.lost();
  }

  changed(): void {
    this.#growth?.start(this.#state);
  }

  async drain(): Promise<void> {
    this.#growth?.stop();
    this.#unsubscribe();
    await this.#feed.drain();
  }

  /** The server tells of streams and consumers that were removed. */
  #subscribe(connection: Connection): void {
    const ends = [
      connection.subscribe(`$JS.EVENT.ADVISORY.STREAM.DELETED.${streamName}`, () => this.#look()),
      connection.subscribe(`$JS.EVENT.ADVISORY.STREAM.LEADER_ELECTED.${streamName}`, () => {
        if (this.seat.requests === undefined) this.seat.begin();
      }),
      connection.subscribe(
        `$JS.EVENT.ADVISORY.CONSUMER.DELETED.${streamName}.${this.#line.names.consumer}`,
        () => this.#look(),
      ),
    ];
    this.#unsubscribe = () => ends.forEach((end) => end());
  }

  #resultOf(answer: Json): SendResult {
    const refusal = refusalIn(answer);
    if (refusal === undefined) {
      this.#traffic();
      return { ok: true, effect: "stores" };
    }
    switch (refusal.code) {
      case refusals.storeFailed:
        // The very copy is there: each packet has a subject of its own, which takes one message.
        if (/per subject/.test(refusal.message)) return { ok: true, effect: "stores" };
        if (/maximum|no space/.test(refusal.message)) return failure("BUSY", refusal.message, refusal);
        return failure("INTERNAL", refusal.message, refusal);
      case refusals.messageTooLarge:
        return failure("TOO_LARGE", refusal.message, refusal);
      case refusals.noStorage:
      case refusals.noResources:
      case refusals.unavailable:
        return failure("BUSY", refusal.message, refusal);
      default:
        this.#look();
        return failure("UNREACHABLE", refusal.message, refusal);
    }
  }

  /** Looks whether the stream and this node's place in it are still there: when something says that they may not be. */
  #look(): void {
    const api = this.#api;
    if (api === undefined || this.seat.isOver) return;
    if (this.#looking !== "no") {
      this.#looking = "and again";
      return;
    }
    this.#looking = "yes";
    void this.#lookAt(api);
  }

  async #lookAt(api: Api): Promise<void> {
    await this.#check(api);
    const again = this.#looking === "and again";
    this.#looking = "no";
    if (again) this.#look();
  }

  /** Never rejects. */
  async #check(api: Api): Promise<void> {
    try {
      const state = await findStream(api, streamName);
      if (api !== this.#api || this.seat.isOver) return;
      if (state === undefined || state.created !== this.#state?.created) return await this.#remake(api);
      this.#state = state;
      if (this.seat.requests === undefined) this.seat.begin();
      else if (await this.#feed.isGone()) {
        this.#host.count("vanished_consumers");
        this.#rebuild();
      }
    } catch (thrown) {
      this.#host.count("look_errors");
      if (api !== this.#api || this.seat.isOver) return;
      // It begins anew, and tells when that works.
      this.seat.fail(natsError("UNREACHABLE", `the stream does not answer: ${messageOf(thrown)}`));
      this.seat.begin();
    }
  }

  /** Makes the stream again. What it held is gone, so that this link is over: whoever opens the next one stores anew. */
  async #remake(api: Api): Promise<void> {
    const { settings, names, connection } = this.#line;
    this.seat.fail(natsError("CLOSED", `the stream ${streamName} vanished`));
    await removed();
    if (api !== this.#api || this.seat.isOver) return;
    try {
      const plan = messagesPlan(settings, names.stored(names.node, "*").replace("*", "id"));
      await ensureStream(api, plan, replicasFor(connection?.info, settings.replicas));
    } catch {
      // The next link makes it.
      this.#host.count("remake_errors");
    }
    this.#vanished();
  }

  #vanished(): void {
    this.#host.count("vanished_streams");
    const error = natsError("CLOSED", `the stream ${streamName} vanished with all that it held`);
    this.seat.fail(error);
    void this.seat.dispose(error);
  }

  #rebuild(): void {
    this.#feed.renew();
    this.seat.fail(natsError("UNREACHABLE", "this node's place in the stream is being made anew"));
    this.seat.begin();
  }

  #whyNot(thrown: unknown): ChannelError {
    const code = codeFor(thrown);
    // Where there never was one, there is none; a leaf may have lost the server that has it.
    const isAbsent = code === "UNREACHABLE" && this.#state === undefined;
    if (isAbsent || code === "MISCONFIGURED") this.#isServed = false;
    if (isAbsent)
      return natsError("MISCONFIGURED", "JetStream is not enabled where this connection leads", thrown);
    return natsError(code, messageOf(thrown).replace(/^nats: /, ""), thrown);
  }

  #traffic(): void {
    const now = performance.now();
    const api = this.#api;
    if (api === undefined || now - this.#refreshed < refreshMs) return;
    this.#refreshed = now;
    void this.#refresh(api);
  }

  /** Never rejects. */
  async #refresh(api: Api): Promise<void> {
    try {
      const state = await findStream(api, streamName);
      if (state !== undefined && state.created === this.#state?.created) this.#state = state;
    } catch {
      // It was for people to see; whoever needs the stream finds out by himself.
      this.#host.count("look_errors");
    }
  }
}

function codeFor(thrown: unknown): ChannelError["code"] {
  const code = thrown instanceof Error && "code" in thrown ? thrown.code : undefined;
  return channelErrorCodes.find((each) => each === code) ?? "INTERNAL";
}

/** What a stream says to a message: stored in it, or not and why. Anything else is no word of the stream's. */
function readReceipt(payload: Buffer): Json | undefined {
  const answer = parseObject(payload);
  if (answer === undefined) return undefined;
  if (refusalIn(answer) !== undefined) return answer;
  return answer["stream"] === streamName && Number(answer["seq"]) > 0 ? answer : undefined;
}

/** Servers before 2.9 cannot name a consumer that goes with its reader, nor refuse a second copy. */
function checkVersion(version: string | undefined): void {
  const [, major = "0", minor = "0"] = /^(\d+)\.(\d+)/.exec(version ?? "") ?? [];
  if (Number(major) < 2 || (Number(major) === 2 && Number(minor) < 9))
    throw natsError(
      "MISCONFIGURED",
      `nats-server ${version} is too old to keep copies: it takes 2.9 or newer`,
    );
}
