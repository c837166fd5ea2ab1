import type { ChannelHost } from "@multifleet/core";
import { randomBytes } from "node:crypto";
import { isObject, Refusal, refusals, type Api } from "./api.js";
import type { Connection, Msg } from "./client.js";
import { Intake } from "./intake.js";
import type { Line } from "./line.js";
import { streamName } from "./names.js";
import type { Requests } from "./requests.js";
import type { StreamState } from "./stream.js";

/** How long the server waits for a verdict before it hands a message over again, in ms. */
const verdictMs = 30_000;
/** How long a place may take to be made, in ms: servers of a cluster first have to agree on one of them. */
const makingMs = 12_000;
/** How long a place in the stream outlives its reader, in ms. */
const placeMs = 300_000;
/** Another process of this node, a restart of it, takes the place and needs so long for it, in ms. */
const remakingMs = 250;
/** So many are remembered that the server has not confirmed. */
const maxSettled = 65_536;
/** How long the server may take to confirm that a message is gone, in ms. */
const confirmMs = 5_000;

/**
 * Reads what the stream keeps for this node. The server pushes it, as many at a time as there is memory for. The place in the stream is made
 * anew at each beginning: all that is unsettled is then handed over at once, also what a process had in hand that was killed.
 */
export class Feed {
  readonly #line: Line;
  readonly #host: ChannelHost;
  readonly #intake: Intake;
  readonly #onSettled: () => void;
  /** What the daemon put off. */
  readonly #left = new Set<string>();
  /** What the daemon has in hand, with the last subject to acknowledge it at. */
  readonly #inHand = new Map<string, string>();
  /** What is dealt with, while the server has not confirmed that it is gone: where it comes again, it goes no further. */
  readonly #settled = new Set<string>();
  #requests: Requests | undefined;
  #subject = "";
  #isOutdated = false;
  #api: Api | undefined;
  #state: StreamState | undefined;
  #unsubscribe: () => void = () => undefined;

  constructor(line: Line, host: ChannelHost, onSettled: () => void) {
    this.#line = line;
    this.#host = host;
    this.#onSettled = onSettled;
    // The server sends no more than fits: nothing is ever turned away for want of room.
    this.#intake = new Intake(host, Number.MAX_SAFE_INTEGER);
  }

  /** Whether the daemon put something off, which the server will not hand over again for a while. */
  get hasLeft(): boolean {
    return this.#left.size > 0;
  }

  /** How many were put off. */
  get left(): number {
    return this.#left.size;
  }

  /** Begins, or goes on where the last beginning on this connection failed: a place in a cluster may take longer to make than one asks for. */
  async begin(connection: Connection, requests: Requests, api: Api, state: StreamState): Promise<void> {
    this.#api = api;
    this.#state = state;
    if (this.#requests !== requests || this.#isOutdated) {
      this.#unsubscribe();
      this.#left.clear();
      this.#requests = requests;
      this.#isOutdated = false;
      // Not to be guessed: whoever could speak there could have copies removed that nobody read.
      this.#subject = `${this.#line.names.feed}.${randomBytes(12).toString("hex")}`;
      this.#unsubscribe = connection.subscribe(this.#subject, (message) => this.#take(message));
    }
    const there = await this.#find();
    if (there === this.#subject) return;
    if (there !== undefined) await this.#leave(api);
    await this.#make(api);
  }

  /** What begins next is to be handed over again what the daemon put off. */
  renew(): void {
    this.#isOutdated = true;
  }

  async #make(api: Api): Promise<void> {
    const { names, settings } = this.#line;
    const filter = names.stored(names.node, "*");
    const body = {
      stream_name: streamName,
      config: {
        name: names.consumer,
        deliver_subject: this.#subject,
        deliver_policy: "all",
        filter_subject: filter,
        ack_policy: "explicit",
        ack_wait: verdictMs * 1_000_000,
        max_deliver: -1,
        max_ack_pending: Math.max(8, Math.floor(settings.maxInboundBytes / (1_024 * 1_024))),
        replay_policy: "instant",
        inactive_threshold: placeMs * 1_000_000,
      },
    };
    await api.call(`CONSUMER.CREATE.${streamName}.${names.consumer}.${filter}`, body, makingMs);
  }

  /** Whether the place in the stream is gone, and nobody is just making it anew. */
  async isGone(): Promise<boolean> {
    if ((await this.#find()) !== undefined) return false;
    await new Promise((resolve) => setTimeout(resolve, remakingMs).unref());
    return this.#api !== undefined && (await this.#find()) === undefined;
  }

  /** The subject that this node's place in the stream speaks to; undefined when there is no such place. */
  async #find(): Promise<string | undefined> {
    try {
      const answer = await this.#api?.call(`CONSUMER.INFO.${streamName}.${this.#line.names.consumer}`);
      const config = answer?.["config"];
      const subject = isObject(config) ? config["deliver_subject"] : undefined;
      return typeof subject === "string" ? subject : "";
    } catch (thrown) {
      if (thrown instanceof Refusal && thrown.code === refusals.consumerNotFound) return undefined;
      throw thrown;
    }
  }

  lost(): void {
    this.#requests = undefined;
    this.#api = undefined;
    this.#unsubscribe = () => undefined;
  }

  /** Takes nothing more, settles what is in hand, and gives up its place. */
  async drain(): Promise<void> {
    this.#unsubscribe();
    await this.#intake.settled();
    if (this.#api === undefined) return;
    try {
      await this.#leave(this.#api);
    } catch {
      // The server removes it by itself after a while.
      this.#host.count("place_errors");
    }
  }

  async #leave(api: Api): Promise<void> {
    try {
      await api.call(`CONSUMER.DELETE.${streamName}.${this.#line.names.consumer}`);
    } catch (thrown) {
      if (!(thrown instanceof Refusal) || thrown.code !== refusals.consumerNotFound) throw thrown;
    }
  }

  #take({ data, reply = "" }: Msg): void {
    const sequence = this.#sequenceIn(reply);
    // Not from the stream, whatever it is.
    if (sequence === undefined) return this.#host.count("odd_reply_subjects");
    if (this.#settled.has(sequence)) return void this.#remove(reply, sequence);
    const isInHand = this.#inHand.has(sequence);
    this.#inHand.set(sequence, reply);
    if (isInHand) return;
    this.#intake.take(data, async (verdict) => {
      const last = this.#inHand.get(sequence) ?? reply;
      this.#inHand.delete(sequence);
      if (verdict.code === "later") return void this.#left.add(sequence);
      this.#left.delete(sequence);
      if (this.#settled.size >= maxSettled) this.#settled.clear();
      this.#settled.add(sequence);
      await this.#remove(last, sequence);
    });
  }

  /** Removes a message that is dealt with. Where that is not confirmed it comes again. Never rejects. */
  async #remove(reply: string, sequence: string): Promise<void> {
    try {
      const requests = this.#requests;
      if (requests === undefined) return this.#host.count("unconfirmed_acks");
      await requests.ask(reply, Buffer.from("+ACK"), {
        owner: this,
        timeoutMs: confirmMs,
        read: () => true,
      });
      if (this.#state?.config["retention"] !== "workqueue") await this.#erase(sequence);
      this.#settled.delete(sequence);
      this.#onSettled();
    } catch {
      this.#host.count("unconfirmed_acks");
    }
  }

  /** A stream that others made keeps what was acknowledged. */
  async #erase(sequence: string): Promise<void> {
    const answer = await this.#api?.call(`STREAM.MSG.DELETE.${streamName}`, {
      seq: Number(sequence),
      no_erase: true,
    });
    if (isObject(answer) && answer["success"] !== true) this.#host.count("unconfirmed_acks");
  }

  /** The place of a message in the stream, by the subject that the server wants it acknowledged at. */
  #sequenceIn(reply: string): string | undefined {
    const { consumer } = this.#line.names;
    // $JS.ACK.<stream>.<consumer>.<delivered>.<sequence>..., with domain and account before the stream in newer ones.
    const tokens = reply.split(".");
    const at = tokens.length > 9 ? 4 : 2;
    const isOurs =
      tokens[0] === "$JS" && tokens[1] === "ACK" && tokens[at] === streamName && tokens[at + 1] === consumer;
    const sequence = tokens[at + 3] ?? "";
    return isOurs && /^\d+$/.test(sequence) ? sequence : undefined;
  }
}
