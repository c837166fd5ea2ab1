import type { Client, RESTOptions } from "discord.js";
import { ChannelError } from "@multifleet/core";
import { fault, faultOfRequest, faultOfStatus } from "./failure.js";
import { Gateway, type GatewayEvents } from "./gateway.js";
import { Lane } from "./lane.js";
import type { Settings } from "./options.js";
import { idIn } from "./post.js";
import { Requests } from "./requests.js";

/** The longest answer of the API that is read, in bytes: a hundred messages of the largest kind fit. */
const maxAnswerBytes = 16 * 1_024 * 1_024;
/** How many messages Discord tells at once, at most. */
export const pageSize = 100;
/** How long the removal of a message may wait for the rate limit, in ms: nobody waits for it. */
const removeWaitMs = 60_000;

/** What discord.js asks for, as far as it is used. */
interface Init {
  readonly method?: string;
  readonly headers?: unknown;
  readonly body?: unknown;
  readonly signal?: AbortSignal | null | undefined;
}

type Method = "GET" | "POST" | "DELETE";

/** A bot that is logged in to Discord. The only file that knows discord.js, which is loaded when the bot is opened. */
export class Bot {
  /** The bot's own user id, once it is open. */
  id = "";
  readonly #settings: Settings;
  readonly #events: GatewayEvents;
  readonly #gateway: Gateway;
  readonly #requests = new Requests();
  readonly #lanes: Readonly<Record<Method, Lane>>;
  #client: Client | undefined;
  #closing: Promise<void> | undefined;

  constructor(settings: Settings, events: GatewayEvents) {
    this.#settings = settings;
    this.#events = events;
    this.#gateway = new Gateway(events);
    const lane = () => new Lane(() => events.count("rate_limited"));
    this.#lanes = { GET: lane(), POST: lane(), DELETE: lane() };
  }

  get isConnected(): boolean {
    return this.#gateway.isUp;
  }

  /** For how long nothing can be posted, in ms. */
  get pauseMs(): number {
    return this.#lanes.POST.pauseMs;
  }

  /** Logs in. To be closed also when this fails. @throws ChannelError */
  async open(token: string, signal: AbortSignal): Promise<void> {
    const discord = await import("discord.js");
    if (signal.aborted || this.#closing !== undefined) throw fault("ABORTED", "opening was aborted");
    const client = new discord.Client({
      // The bot's own messages come whole without the privileged message content intent.
      intents: [discord.GatewayIntentBits.GuildMessages],
      shards: [0],
      shardCount: 1,
      makeCache: discord.Options.cacheWithLimits({ MessageManager: 0, ThreadManager: 0 }),
      sweepers: { threads: { interval: 0, lifetime: 0 } },
      rest: this.#restOptions(),
      ws: {
        buildStrategy: (manager) => {
          const strategy = new discord.SimpleShardingStrategy(manager);
          this.#gateway.adopt(manager, strategy);
          return strategy;
        },
      },
    });
    this.#client = client;
    client.on("error", () => this.#events.count("client_errors"));
    client.rest.setToken(token);
    // First, so that a bot that lacks the right never starts a session: Discord allows a thousand of them a day.
    await this.#ask("GET", "", {}, this.#settings.maxWaitMs, signal);
    const { requestTimeoutMs } = this.#settings;
    const late = fault("UNREACHABLE", `the gateway gave no session within ${requestTimeoutMs} ms`);
    const timer = setTimeout(() => this.#gateway.fail(late), requestTimeoutMs);
    const abort = () => this.#gateway.fail(fault("ABORTED", "opening was aborted"));
    signal.addEventListener("abort", abort);
    client.login(token).catch((error: unknown) => this.#gateway.fail(this.#faultOf(error)));
    try {
      this.id = await this.#gateway.session;
    } finally {
      clearTimeout(timer);
      signal.removeEventListener("abort", abort);
    }
  }

  /** Posts a message, and returns the id under which Discord has stored it. @throws ChannelError */
  async post(body: FormData, signal: AbortSignal): Promise<string> {
    const what = { body, passThroughBody: true };
    const answer = await this.#ask("POST", "/messages", what, this.#settings.maxWaitMs, signal);
    const id = idIn(answer);
    if (id === undefined) throw fault("INTERNAL", "Discord's answer does not name the message it stored");
    return id;
  }

  /** Up to a hundred messages, the newest first. @throws ChannelError */
  async page(before: string | undefined, signal: AbortSignal): Promise<unknown> {
    const query = new URLSearchParams({ limit: String(pageSize), ...(before !== undefined && { before }) });
    return await this.#ask("GET", "/messages", { query }, removeWaitMs, signal);
  }

  /** Removes a message; one that is gone already counts as removed. @throws ChannelError */
  async remove(id: string, signal: AbortSignal): Promise<void> {
    await this.#ask("DELETE", `/messages/${id}`, {}, removeWaitMs, signal);
  }

  /** Fetches an attachment, without the token. @throws ChannelError `INTERNAL` when it is longer than `size`. */
  async download(url: string, size: number, signal: AbortSignal): Promise<Buffer> {
    const headers = { "accept-encoding": "identity" };
    const timeoutMs = this.#settings.requestTimeoutMs;
    try {
      const call = { method: "GET", headers, maxBytes: size, timeoutMs, signal };
      const { status, body } = await this.#requests.call(url, call);
      if (status !== 200) throw fault("UNREACHABLE", `the attachment's host answered ${status}`);
      return body;
    } catch (error) {
      throw faultOfRequest(error);
    }
  }

  close(): Promise<void> {
    this.#closing ??= this.#end();
    return this.#closing;
  }

  async #end(): Promise<void> {
    const client = this.#client;
    if (client !== undefined) await this.#gateway.close(() => client.destroy());
    await this.#requests.close();
  }

  async #ask(
    method: Method,
    path: string,
    what: Readonly<Record<string, unknown>>,
    maxWaitMs: number,
    signal: AbortSignal,
  ): Promise<unknown> {
    const rest = this.#client?.rest;
    if (rest === undefined) throw fault("CLOSED", "the bot is not open");
    const ask = async () => {
      // discord.js never stops listening to a signal: it gets one of this request's own.
      const own = new AbortController();
      const abort = () => own.abort();
      signal.addEventListener("abort", abort);
      try {
        const fullRoute = `/channels/${this.#settings.channel}${path}` as const;
        return await rest.request({ ...what, method: method as never, fullRoute, signal: own.signal });
      } catch (error) {
        throw this.#faultOf(error);
      } finally {
        signal.removeEventListener("abort", abort);
      }
    };
    try {
      return await this.#lanes[method].run(ask, maxWaitMs, signal);
    } catch (error) {
      if (method === "DELETE" && isGone(error)) return undefined;
      throw error;
    }
  }

  #restOptions(): Partial<RESTOptions> {
    return {
      api: this.#settings.api,
      version: "10",
      // The cascade decides what is tried again, and the lanes wait for the rate limit.
      retries: 0,
      rejectOnRateLimit: () => true,
      globalRequestsPerSecond: Number.POSITIVE_INFINITY,
      hashSweepInterval: 0,
      handlerSweepInterval: 0,
      // The request's own deadline comes first.
      timeout: this.#settings.requestTimeoutMs + 5_000,
      makeRequest: async (url, init) => await this.#request(url, init),
    };
  }

  async #request(url: string, what: Init): Promise<Response> {
    const method = what.method as Method;
    const headers = { ...(what.headers as Record<string, string>) };
    let body: Uint8Array | undefined;
    if (what.body !== null && what.body !== undefined) {
      const encoded = new Response(what.body as FormData | string);
      headers["content-type"] ??= encoded.headers.get("content-type") ?? "application/octet-stream";
      body = new Uint8Array(await encoded.arrayBuffer());
    }
    const answer = await this.#requests.call(url, {
      method,
      headers,
      maxBytes: maxAnswerBytes,
      timeoutMs: this.#settings.requestTimeoutMs,
      ...(body && { body }),
      ...(what.signal && { signal: what.signal }),
    });
    const lane = this.#lanes[method];
    lane.note(answer.status, answer.headers);
    if (answer.status === 429 && answer.headers.has("x-ratelimit-global"))
      for (const other of Object.values(this.#lanes)) other.pause(lane.pauseMs);
    const isEmpty = answer.status === 204 || answer.body.length === 0;
    // Not the rate limit's headers: by another clock than the lanes', discord.js would refuse what they let pass.
    const type = answer.headers.get("content-type");
    const init = { status: answer.status, headers: type === null ? {} : { "content-type": type } };
    return new Response(isEmpty ? null : answer.body, init);
  }

  /** What discord.js throws, in the words of the contract. None of it holds the token. */
  #faultOf(error: unknown): ChannelError {
    if (error instanceof ChannelError) return error;
    const { name, message, status, code } = error as Readonly<Record<string, unknown>>;
    if (typeof name === "string" && name.startsWith("RateLimitError"))
      return fault("BUSY", "Discord's rate limit is reached");
    if (code === "TokenInvalid") return faultOfStatus(401, 0, "Unauthorized");
    if (typeof status === "number") {
      const refused = faultOfStatus(status, code, String(message), error);
      if (status === 401) this.#events.over(refused);
      return refused;
    }
    if (typeof code === "string" || name === "AbortError") return faultOfRequest(error);
    // discord.js itself counts what Discord allows in a day.
    const isTooOften = String(message).startsWith("Not enough sessions");
    return fault(isTooOften ? "UNREACHABLE" : "INTERNAL", String(message), error);
  }
}

/** Discord's code for a message that is not there (any more). */
function isGone(error: unknown): boolean {
  const cause = error instanceof ChannelError ? error.cause : undefined;
  return typeof cause === "object" && cause !== null && "code" in cause && cause.code === 10_008;
}
