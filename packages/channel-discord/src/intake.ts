import { setMaxListeners } from "node:events";
import { ChannelError, type ChannelHost } from "@multifleet/core";
import { pageSize, type Bot } from "./bot.js";
import { isSnowflake, type Settings } from "./options.js";
import { readPost, type Post } from "./post.js";
import { isTagFor } from "./tag.js";

/** How many messages are fetched and judged at a time. */
const maxHands = 4;
/** How many wait for that; of more than these it is remembered only that there were some. */
const maxWaiting = 1_000;
/** How many are remembered as dealt with, so that one that could not be removed is not handed over twice. */
const maxKnown = 20_000;
/** How long what is in hand may take when the link is closed, in ms. */
const graceMs = 2_000;

/** `left`: to be handed over again when there is a reason to look. `kept`: dealt with, and could not be removed. */
type State = "waiting" | "done" | "left" | "kept";

/** Takes what the channel holds for this node: fetches it, opens it, hands it over, and removes it. */
export class Intake {
  readonly #host: ChannelHost;
  readonly #settings: Settings;
  readonly #bot: Bot;
  readonly #hosts: ReadonlySet<string>;
  readonly #known = new Map<string, State>();
  readonly #waiting: Post[] = [];
  readonly #inHand = new Set<Promise<void>>();
  /** Looking and removing: work that nobody waits for. */
  readonly #chores = new Set<Promise<void>>();
  readonly #end = new AbortController();
  #isClosed = false;
  #isBehind = false;
  /** Whether the last look came to nothing. */
  #isStale = false;
  #look: { again: boolean } | undefined;

  constructor(host: ChannelHost, settings: Settings, bot: Bot) {
    this.#host = host;
    this.#settings = settings;
    this.#bot = bot;
    // One for each removal that waits its turn.
    setMaxListeners(0, this.#end.signal);
    this.#hosts = new Set(settings.attachmentHosts.map((name) => name.toLowerCase()));
  }

  /** How many messages wait to be fetched, and how many stay in the channel until there is a reason to look again. */
  get counts(): { readonly waiting: number; readonly left: number } {
    const left = [...this.#known.values()].filter((state) => state === "left" || state === "kept").length;
    return { waiting: this.#waiting.length + this.#inHand.size, left };
  }

  /** Whether the channel may hold something that the gateway will not tell of again. */
  get isIncomplete(): boolean {
    return this.#isStale || this.counts.left > 0;
  }

  /** A message that the gateway told of. */
  offer(message: unknown): void {
    const post = this.#read(message);
    if (post !== undefined && !this.#known.has(post.id)) this.#queue(post);
  }

  /** Looks through the latest messages, oldest first, for those that were not dealt with. @param anew also for those that were left */
  lookThrough(anew = true): void {
    if (this.#isClosed) return;
    if (this.#look !== undefined) {
      this.#look.again ||= anew;
      return;
    }
    this.#look = { again: false };
    this.#chore(this.#readAll(anew));
  }

  /** Lets what is in hand come to its end, for a moment; then nothing is handed over any more. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#waiting.length = 0;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => (timer = setTimeout(resolve, graceMs)));
    // What was in hand leaves something to be removed.
    const done = Promise.all(this.#inHand).then(() => Promise.all(this.#chores));
    await Promise.race([done, late]);
    clearTimeout(timer);
    this.#end.abort();
  }

  async #readAll(anew: boolean): Promise<void> {
    const found: Post[] = [];
    try {
      let before: string | undefined;
      for (let seen = 0; seen < this.#settings.history; seen += pageSize) {
        const page = await this.#bot.page(before, this.#end.signal);
        if (this.#isClosed) return;
        if (!Array.isArray(page)) throw new ChannelError("INTERNAL", "discord: the messages are no list");
        for (const message of page.slice(0, this.#settings.history - seen)) {
          const post = this.#read(message);
          if (post !== undefined) found.push(post);
        }
        before = oldestOf(page);
        if (page.length < pageSize || before === undefined) break;
      }
      this.#isStale = false;
    } catch {
      this.#isStale = true;
      this.#host.count("read_errors");
    }
    for (const post of found.reverse()) {
      const state = this.#known.get(post.id);
      if (state === undefined || (state === "left" && anew)) this.#queue(post);
      else if (state === "kept") this.#chore(this.#remove(post));
    }
    const again = this.#look?.again === true;
    this.#look = undefined;
    if (again) this.lookThrough();
  }

  /** Reads a message; undefined when it is not for this node. */
  #read(message: unknown): Post | undefined {
    const post = readPost(message, this.#settings.channel);
    return post !== undefined && isTagFor(post.tag, this.#host.fleet, this.#host.node) ? post : undefined;
  }

  #queue(post: Post): void {
    if (this.#isClosed) return;
    if (this.#waiting.length >= maxWaiting) {
      this.#isBehind = true;
      this.#host.count("deferred_messages");
      return;
    }
    this.#mark(post, "waiting");
    this.#waiting.push(post);
    this.#next();
  }

  #next(): void {
    while (!this.#isClosed && this.#inHand.size < maxHands) {
      const post = this.#waiting.shift();
      if (post === undefined) break;
      const work = this.#deal(post).finally(() => {
        this.#inHand.delete(work);
        this.#next();
      });
      this.#inHand.add(work);
    }
    if (this.#waiting.length > 0 || !this.#isBehind || this.#isClosed) return;
    this.#isBehind = false;
    this.lookThrough(false);
  }

  #chore(work: Promise<void>): void {
    this.#chores.add(work);
    void work.finally(() => this.#chores.delete(work));
  }

  async #deal(post: Post): Promise<void> {
    const { isSettled, event } = await this.#settle(post);
    this.#mark(post, isSettled ? "done" : "left");
    if (isSettled) this.#chore(this.#remove(post));
    if (event !== undefined) this.#host.count(event);
  }

  /** Whether the message is dealt with for good, and what there is to count. */
  async #settle({ file }: Post): Promise<{ readonly isSettled: boolean; readonly event?: string }> {
    if (file === undefined || !this.#isFetchable(file.url)) return { isSettled: true, event: "bad_messages" };
    let bytes: Uint8Array | undefined;
    try {
      const body = await this.#bot.download(file.url, file.size, this.#end.signal);
      bytes = await this.#settings.cover.uncover(body);
    } catch (error) {
      if (this.#isClosed) return { isSettled: false };
      const isTooLong = error instanceof ChannelError && error.code === "INTERNAL";
      if (isTooLong) return { isSettled: true, event: "bad_attachments" };
      return { isSettled: false, event: "download_errors" };
    }
    if (this.#isClosed) return { isSettled: false };
    if (bytes === undefined) return { isSettled: true, event: "bad_attachments" };
    const { code } = await this.#host.receive(bytes);
    if (code === "later") return { isSettled: false, event: "left_messages" };
    return code === "taken" ? { isSettled: true } : { isSettled: true, event: "refused_frames" };
  }

  /** Only Discord's own hosts, by HTTPS; plain HTTP only from where the API is a server on this machine. */
  #isFetchable(text: string): boolean {
    if (!URL.canParse(text)) return false;
    const { protocol, host, username, password } = new URL(text);
    if (username + password !== "" || !this.#hosts.has(host)) return false;
    return protocol === "https:" || (protocol === "http:" && this.#settings.api.startsWith("http:"));
  }

  /** Removes a message that is dealt with. The bot may remove its own, which all nodes of the fleet post as. */
  async #remove(post: Post): Promise<void> {
    if (post.author !== this.#bot.id) {
      this.#host.count("foreign_messages");
      return;
    }
    this.#mark(post, "done");
    try {
      await this.#bot.remove(post.id, this.#end.signal);
    } catch {
      this.#mark(post, "kept");
      this.#host.count("remove_errors");
    }
  }

  #mark({ id }: Post, state: State): void {
    this.#known.delete(id);
    this.#known.set(id, state);
    if (this.#known.size <= maxKnown) return;
    for (const oldest of this.#known.keys()) {
      this.#known.delete(oldest);
      break;
    }
  }
}

function oldestOf(page: readonly unknown[]): string | undefined {
  const last = page.at(-1);
  const id = typeof last === "object" && last !== null && "id" in last ? last.id : undefined;
  return isSnowflake(id) ? id : undefined;
}
