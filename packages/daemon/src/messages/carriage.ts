import {
  ChannelError,
  newPacketId,
  type Effect,
  type Link,
  type NodeId,
  type PacketId,
  type SendResult,
} from "@multifleet/core";
import type { Cascade, Command, Input } from "@multifleet/cascade";
import type { Attempt } from "@multifleet/mailbox";
import { background, type NodeCounters } from "../books.js";
import { explain } from "../failure.js";
import type { Log } from "../log.js";

/** What the carriage asks of the rest of the node. */
export interface CarriageHost {
  readonly counters: NodeCounters;
  readonly log: Log;
  readonly cascade: Cascade;
  now(): number;
  link(channel: string): Link | undefined;
  /** The sealed bytes of a message that waits in the outbox. */
  sealed(id: PacketId): Uint8Array | undefined;
  /**
   * An answer that came back for a message. Resolves once it is known whether it is the receipt of message `id`, and calls
   * `believed` before it makes anything durable. Never rejects.
   */
  answered(id: PacketId, answer: Uint8Array, believed: () => void): Promise<boolean>;
  /** A carrier took a message, or may have: it is on its way. */
  carried(id: PacketId, attempts: readonly Attempt[]): void;
  expired(id: PacketId, doubtful: boolean): void;
}

/** What came of a packet that is sent once and forgotten. */
export interface Carried {
  readonly effect: Effect | undefined;
  readonly channel?: string;
  readonly answer?: Uint8Array;
  readonly attempts: readonly Attempt[];
}

/** Something the carriage has in hand. */
interface Load {
  readonly to: NodeId;
  readonly frame: PacketId;
  bytes: Uint8Array | undefined;
  attempts: Attempt[];
  readonly done?: (carried: Carried) => void;
  best?: { readonly channel: string; readonly answer?: Uint8Array };
}

/** The most attempts remembered of one message. */
const remembered = 50;
/** setTimeout's own limit; a later time is armed again when this fires. */
const longestTimer = 2_147_483_647;

/** Carries out what the cascade decides: starts sends, ends them, keeps its one timer, and tells it what came of each. */
export class Carriage {
  readonly #host: CarriageHost;
  readonly #loads = new Map<PacketId, Load>();
  readonly #running = new Map<number, AbortController>();
  /** The newest failure to each peer that nothing has succeeded to since. */
  readonly #troubles = new Map<NodeId, string>();
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(host: CarriageHost) {
    this.#host = host;
  }

  /**
   * Carries a message until it is settled. `bytes` saves a read where they are at hand; `attempts` are those of earlier runs of the node: one
   * of them may be how the message got there.
   */
  carry(
    message: {
      readonly id: PacketId;
      readonly to: NodeId;
      readonly expires: number;
      readonly via?: string | readonly string[];
    },
    bytes: Uint8Array | undefined,
    size: number,
    attempts: readonly Attempt[] = [],
  ): void {
    this.#loads.set(message.id, { to: message.to, frame: message.id, bytes, attempts: [...attempts] });
    this.tell({ kind: "submit", shipment: { ...message, size, mode: "until-receipt" } });
  }

  /** Carries a packet once, over the first channel that takes it, or until `signal` fires. */
  carryOnce(
    to: NodeId,
    frame: PacketId,
    bytes: Uint8Array,
    options: {
      readonly via?: string | readonly string[];
      readonly within: number;
      readonly signal?: AbortSignal;
    },
  ): Promise<Carried> {
    // Receipts bear the id of their message, so the cascade is given a name of our own.
    const id = newPacketId(this.#host.now());
    const { signal } = options;
    return new Promise((resolve) => {
      const attempts: Attempt[] = [];
      const done = (carried: Carried) => {
        signal?.removeEventListener("abort", stop);
        resolve(carried);
      };
      const stop = () => {
        this.#loads.delete(id);
        this.tell({ kind: "settled", id });
        done({ effect: undefined, attempts });
      };
      if (this.#closed || signal?.aborted === true) return resolve({ effect: undefined, attempts });
      signal?.addEventListener("abort", stop);
      this.#loads.set(id, { to, frame, bytes, attempts, done });
      const via = options.via === undefined ? {} : { via: options.via };
      this.tell({
        kind: "submit",
        shipment: {
          id,
          to,
          size: bytes.length,
          expires: this.#host.now() + options.within,
          mode: "once",
          ...via,
        },
      });
    });
  }

  /** A message is settled: nothing more of it is sent. */
  settled(id: PacketId): void {
    this.tell({ kind: "settled", id });
    this.#loads.delete(id);
  }

  /** What went wrong last on the way to `peer`; undefined when something has worked since. */
  trouble(peer: NodeId): string | undefined {
    return this.#troubles.get(peer);
  }

  attempts(id: PacketId): readonly Attempt[] {
    return this.#loads.get(id)?.attempts ?? [];
  }

  /** Feeds the cascade and does what it says. */
  tell(input: Input): void {
    if (this.#closed) return;
    for (const command of this.#host.cascade.handle(input, this.#host.now())) this.#obey(command);
  }

  /** Ends all sends. What is not settled stays in the outbox. */
  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    for (const attempt of this.#running.values()) attempt.abort();
    for (const load of this.#loads.values()) load.done?.({ effect: undefined, attempts: load.attempts });
    this.#loads.clear();
  }

  #obey(command: Command): void {
    switch (command.kind) {
      case "start":
        background(this.#attempt(command), "attempt", this.#host);
        return;
      case "abort":
        this.#running.get(command.attempt)?.abort();
        return;
      case "arm":
        this.#arm(command.at);
        return;
      case "expired":
        this.#host.expired(command.id, command.doubtful);
        this.#loads.delete(command.id);
        return;
      case "done": {
        const load = this.#loads.get(command.id);
        this.#loads.delete(command.id);
        load?.done?.({ effect: command.carried, attempts: load.attempts, ...load.best });
        return;
      }
    }
  }

  #arm(at: number | undefined): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (at === undefined) return;
    const wait = Math.min(Math.max(at - this.#host.now(), 0), longestTimer);
    this.#timer = setTimeout(() => this.tell({ kind: "timer" }), wait);
  }

  async #attempt(start: Extract<Command, { kind: "start" }>): Promise<void> {
    const { counters } = this.#host;
    const { attempt, id, channel } = start;
    const load = this.#loads.get(id);
    const at = this.#host.now();
    const began = performance.now();
    const controller = new AbortController();
    this.#running.set(attempt, controller);
    counters.count("send_attempts_total", channel);
    if (start.why === "fallback") counters.count("channel_cascade_fallback_total");
    if (start.why === "hedge") counters.count("channel_hedge_total");
    let noted = this.#note(load, { channel, at });
    // `reason`: what went wrong, or which way it went.
    const finish = (outcome: string, reason?: string) => {
      const ms = Math.round((performance.now() - began) * 10) / 10;
      noted = this.#renote(load, noted, {
        channel,
        at,
        ms,
        outcome,
        ...(reason === undefined ? {} : { reason }),
      });
    };
    const result = await this.#send(channel, load, id, controller.signal);
    this.#running.delete(attempt);
    if (result.ok && (await this.#succeed(start, result, load, finish))) return;
    const { code, message: reason } = result.ok
      ? new ChannelError("INTERNAL", "the answer is not this packet's receipt")
      : result.error;
    this.#countFailure(channel, code);
    if (code !== "ABORTED") this.#troubles.set(start.to, `${channel}: ${code}, ${reason}`);
    finish(code, reason);
    // The bytes may have left before the channel gave up.
    if (code === "TIMEOUT" || code === "CLOSED" || code === "ABORTED") this.#tellCarried(id, load);
    this.tell({ kind: "failed", attempt, code, reason });
  }

  /** Deals with a carrier's success; false when what it brought back is not an answer to this packet, which makes it a failure. */
  async #succeed(
    { attempt, id, channel, to }: Extract<Command, { kind: "start" }>,
    { effect, answer, path }: Extract<SendResult, { ok: true }>,
    load: Load | undefined,
    finish: (outcome: string, path?: string) => void,
  ): Promise<boolean> {
    // Noted before the cascade and the store are told, so that what they keep has it.
    const succeed = (answered: boolean) => {
      this.#host.counters.count("send_successes_total", channel);
      this.#troubles.delete(to);
      finish({ delivers: "delivered", stores: "stored", wakes: "woke" }[effect], path);
      this.tell({ kind: "succeeded", attempt, effect, answered });
    };
    if (load !== undefined && load.done === undefined && effect === "delivers") {
      return answer !== undefined && this.#host.answered(id, answer, () => succeed(true));
    }
    if (load?.done !== undefined) load.best ??= { channel, ...(answer === undefined ? {} : { answer }) };
    succeed(false);
    if (effect === "stores") this.#tellCarried(id, load);
    return true;
  }

  async #send(
    channel: string,
    load: Load | undefined,
    id: PacketId,
    signal: AbortSignal,
  ): Promise<SendResult> {
    const link = this.#host.link(channel);
    if (link === undefined) return { ok: false, error: new ChannelError("CLOSED", `${channel} is not open`) };
    const bytes = load?.bytes ?? this.#host.sealed(id);
    if (load === undefined || bytes === undefined)
      return { ok: false, error: new ChannelError("ABORTED", "settled meanwhile") };
    load.bytes = bytes;
    try {
      return await link.send({ id: load.frame, to: load.to, bytes }, { signal });
    } catch (cause) {
      // The contract says that send never rejects; a channel that breaks it must not break the node.
      this.#host.counters.count("internal_errors_total", `send_${channel}`);
      return { ok: false, error: new ChannelError("INTERNAL", `send threw: ${explain(cause)}`, { cause }) };
    } finally {
      // A message that waits for days need not wait in memory.
      if (load.done === undefined) load.bytes = undefined;
    }
  }

  #countFailure(channel: string, code: string): void {
    const { counters } = this.#host;
    if (code === "ABORTED") return counters.count("send_aborted_total", channel);
    counters.count("send_failures_total", channel);
    counters.count("send_failure_reasons_total", code);
    if (channel === "http") counters.count("http_send_errors_total");
    if (channel === "nats") counters.count("nats_publish_errors_total");
    if (channel === "seed") counters.count("ssh_seed_write_errors_total");
  }

  #note(load: Load | undefined, attempt: Attempt): Attempt {
    load?.attempts.push(attempt);
    if (load !== undefined && load.attempts.length > remembered) load.attempts.shift();
    return attempt;
  }

  #renote(load: Load | undefined, begun: Attempt, ended: Attempt): Attempt {
    const at = load?.attempts.indexOf(begun) ?? -1;
    if (load !== undefined && at >= 0) load.attempts[at] = ended;
    return ended;
  }

  #tellCarried(id: PacketId, load: Load | undefined): void {
    if (load !== undefined && load.done === undefined && this.#loads.has(id))
      this.#host.carried(id, load.attempts);
  }
}
