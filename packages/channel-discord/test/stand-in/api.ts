import type { IncomingMessage, ServerResponse } from "node:http";
import type { Gateway } from "./gateway.js";

/** What is answered to a request in place of the real answer. `hang`: nothing at all. */
export type Canned = "hang" | { readonly status: number; readonly headers?: object; readonly body?: unknown };

export interface Attachment {
  readonly id: string;
  readonly filename: string;
  readonly size: number;
  readonly url: string;
  readonly proxy_url: string;
}

export interface Message {
  readonly id: string;
  readonly channel_id: string;
  readonly author: { readonly id: string; readonly username: string; readonly bot: boolean };
  readonly content: string;
  readonly attachments: readonly Attachment[];
  readonly [other: string]: unknown;
}

/** How many requests of one method are answered in a window; Discord has such a bucket for each route and channel. */
interface Bucket {
  limit: number;
  windowMs: number;
  left: number;
  resetAt: number;
}

/** Discord's REST, as documented for v10, for one channel and one bot. */
export class Api {
  readonly messages: Message[] = [];
  readonly files = new Map<string, Buffer>();
  readonly requests: { readonly method: string; readonly path: string; readonly authorization: unknown }[] =
    [];
  readonly buckets: Record<string, Bucket> = {};
  /** Looks at each request first. */
  onRequest: (method: string, path: string) => Canned | undefined = () => undefined;
  /** Serves an attachment in place of the real answer. */
  onDownload: ((url: string, response: ServerResponse) => boolean) | undefined;
  /** What an attachment is said to be, in place of the truth. */
  onAttachment: (attachment: Attachment) => Attachment = (attachment) => attachment;
  remainingSessions = 1_000;
  readonly #gateway: Gateway;
  readonly #place: { readonly token: string; readonly channel: string; readonly bot: Message["author"] };
  readonly #looks = new Set<() => void>();
  #drawn = 0n;

  constructor(gateway: Gateway, place: { token: string; channel: string; bot: Message["author"] }) {
    this.#gateway = gateway;
    this.#place = place;
  }

  count(method: string, path = ""): number {
    return this.requests.filter((each) => each.method === method && each.path.includes(path)).length;
  }

  /** Resolves once `condition` holds; it is looked at at each request. */
  async until(condition: () => boolean): Promise<void> {
    if (condition()) return;
    await new Promise<void>((resolve) => {
      const look = () => {
        if (!condition()) return;
        this.#looks.delete(look);
        resolve();
      };
      this.#looks.add(look);
    });
  }

  limit(method: string, limit: number, windowMs: number): void {
    this.buckets[method] = { limit, windowMs, left: limit, resetAt: 0 };
  }

  /** An id as Discord makes them: the time since 2015 in its upper bits. */
  snowflake(): string {
    this.#drawn += 1n;
    return String(((BigInt(Date.now()) - 1_420_070_400_000n) << 22n) + (this.#drawn % (1n << 22n)));
  }

  /** Puts a message into the channel and tells everybody. */
  add(
    author: Message["author"],
    content: string,
    files: readonly { readonly name: string; readonly bytes: Buffer }[] = [],
    base = "",
    more: object = {},
  ): Message {
    const attachments = files.map(({ name, bytes }) => {
      const id = this.snowflake();
      const path = `/attachments/${this.#place.channel}/${id}/${name}`;
      this.files.set(path, bytes);
      const url = `${base}${path}?ex=65d903de&is=65c68ede&hm=00`;
      return this.onAttachment({ id, filename: name, size: bytes.length, url, proxy_url: url });
    });
    const id = this.snowflake();
    const message = { id, channel_id: this.#place.channel, author, content, attachments, type: 0, ...more };
    this.messages.push(message);
    this.#gateway.dispatch("MESSAGE_CREATE", this.#seen(message));
    return message;
  }

  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = "", url = "", headers } = request;
    const { pathname: path, searchParams: query } = new URL(url, "http://stand-in");
    const base = `http://${headers.host}`;
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    this.requests.push({ method, path, authorization: headers.authorization });
    for (const look of this.#looks) look();
    if (path.startsWith("/attachments/")) return this.#serve(path, response);
    const canned = this.onRequest(method, path);
    if (canned === "hang") return;
    if (canned !== undefined) return answer(response, canned.status, canned.body, canned.headers);
    if (headers.authorization !== `Bot ${this.#place.token}`)
      return answer(response, 401, { message: "401: Unauthorized", code: 0 });
    const limits = this.#draw(method);
    if (limits.status === 429)
      return answer(
        response,
        429,
        {
          message: "You are being rate limited.",
          retry_after: limits.resetMs / 1_000,
          global: false,
        },
        limits.headers,
      );
    if (path === "/api/v10/gateway/bot") {
      const session = {
        total: 1_000,
        remaining: this.remainingSessions,
        reset_after: 60_000,
        max_concurrency: 1,
      };
      const gateway = { url: `ws://${headers.host}`, shards: 1, session_start_limit: session };
      return answer(response, 200, gateway, limits.headers);
    }
    const [, channel = "", rest = ""] = /^\/api\/v10\/channels\/(\d+)(.*)$/.exec(path) ?? [];
    if (channel !== this.#place.channel)
      return answer(response, 404, { message: "Unknown Channel", code: 10_003 }, limits.headers);
    if (method === "GET" && rest === "")
      return answer(response, 200, { id: channel, type: 0 }, limits.headers);
    if (method === "GET" && rest === "/messages")
      return answer(response, 200, this.#page(query), limits.headers);
    if (method === "POST" && rest === "/messages") {
      const parts = partsOf(headers["content-type"] ?? "", Buffer.concat(chunks));
      const payload = JSON.parse(String(parts.get("payload_json")?.bytes)) as {
        content: string;
        flags?: number;
      };
      const { name = "", bytes = Buffer.alloc(0) } = parts.get("files[0]") ?? {};
      const more = { flags: payload.flags ?? 0 };
      const message = this.add(this.#place.bot, payload.content, [{ name, bytes }], base, more);
      return answer(response, 200, message, limits.headers);
    }
    const at = this.messages.findIndex(({ id }) => rest === `/messages/${id}`);
    const [message] = this.messages.slice(at, at + 1);
    if (method !== "DELETE" || at < 0 || message === undefined)
      return answer(response, 404, { message: "Unknown Message", code: 10_008 }, limits.headers);
    if (message.author.id !== this.#place.bot.id)
      return answer(response, 403, { message: "Missing Permissions", code: 50_013 }, limits.headers);
    this.messages.splice(at, 1);
    return answer(response, 204, undefined, limits.headers);
  }

  #page(query: URLSearchParams): readonly Message[] {
    const before = BigInt(query.get("before") ?? "9".repeat(19));
    const found = this.messages.filter(({ id }) => BigInt(id) < before).reverse();
    return found.slice(0, Number(query.get("limit") ?? 50)).map((message) => this.#seen(message));
  }

  /** As a bot sees it that does not have the message content intent: of others' messages nothing but that they are there. */
  #seen(message: Message): Message {
    const { bot } = this.#place;
    if (message.author.id === bot.id || message.content.includes(`<@${bot.id}>`) || message["shown"] === true)
      return message;
    return { ...message, content: "", attachments: [] };
  }

  #serve(path: string, response: ServerResponse): void {
    if (this.onDownload?.(path, response) === true) return;
    const bytes = this.files.get(path);
    response.writeHead(bytes === undefined ? 404 : 200, { "content-type": "application/octet-stream" });
    response.end(bytes);
  }

  /** Takes one request out of a bucket. */
  #draw(method: string): { status: number; resetMs: number; headers: object } {
    const bucket = (this.buckets[method] ??= { limit: 10_000, windowMs: 1_000, left: 10_000, resetAt: 0 });
    const now = performance.now();
    if (now >= bucket.resetAt) {
      bucket.left = bucket.limit;
      bucket.resetAt = now + bucket.windowMs;
    }
    const resetMs = bucket.resetAt - now;
    const status = bucket.left === 0 ? 429 : 200;
    if (status === 200) bucket.left -= 1;
    const seconds = (resetMs / 1_000).toFixed(3);
    const headers = {
      "x-ratelimit-limit": bucket.limit,
      "x-ratelimit-remaining": bucket.left,
      "x-ratelimit-reset-after": seconds,
      "x-ratelimit-bucket": `bucket-${method.toLowerCase()}`,
      ...(status === 429 && { "retry-after": seconds, "x-ratelimit-scope": "user" }),
    };
    return { status, resetMs, headers };
  }
}

/** The parts of a multipart body (RFC 7578), by name. */
function partsOf(type: string, body: Buffer): Map<string, { name: string; bytes: Buffer }> {
  const boundary = /boundary="?([^";]+)/.exec(type)?.[1] ?? "";
  const parts = new Map<string, { name: string; bytes: Buffer }>();
  let at = body.indexOf(`--${boundary}`);
  for (;;) {
    const start = at + boundary.length + 4;
    const next = body.indexOf(`\r\n--${boundary}`, start);
    if (at < 0 || next < 0) return parts;
    const part = body.subarray(start, next);
    const end = part.indexOf("\r\n\r\n");
    const head = part.subarray(0, end).toString();
    const key = /; name="([^"]*)"/.exec(head)?.[1] ?? "";
    parts.set(key, { name: /; filename="([^"]*)"/.exec(head)?.[1] ?? "", bytes: part.subarray(end + 4) });
    at = next + 2;
  }
}

function answer(response: ServerResponse, status: number, body?: unknown, headers: object = {}): void {
  const text = body === undefined ? "" : JSON.stringify(body);
  response.writeHead(status, { ...headers, ...(text !== "" && { "content-type": "application/json" }) });
  response.end(text);
}
