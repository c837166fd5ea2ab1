import { decodeReceipt, type NodeId, type Opened } from "@multifleet/core";
import { MailboxError } from "@multifleet/mailbox";
import { background, type NodeCounters } from "../books.js";
import { explain } from "../failure.js";
import type { Log } from "../log.js";
import type { Copy, Kept } from "./kept.js";

export interface KeepingHost {
  readonly counters: NodeCounters;
  readonly log: Log;
  readonly kept: Kept;
  now(): number;
}

type Verified = Extract<Opened, { ok: true }>;

/** How long a copy is kept at most, whatever its own end, in milliseconds. */
const longest = 7 * 86_400_000;
/** setTimeout's own limit. */
const longestTimer = 2_147_483_647;

/** When a copy comes to be kept, and when it is dropped: delivered, settled or over. */
export class Keeping {
  readonly #host: KeepingHost;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(host: KeepingHost) {
    this.#host = host;
  }

  /**
   * Keeps a packet for its target, for one who asked; resolves once it is durable, or is not kept.
   *
   * @param least Until when it is kept though its own end is earlier, in milliseconds since the epoch.
   */
  async keep(
    opened: Verified,
    bytes: Uint8Array,
    asker: NodeId,
    least = 0,
  ): Promise<"new" | "known" | "full" | "store_failed"> {
    const { counters, kept, log } = this.#host;
    const copy = this.#copyOf(opened, bytes, asker, least);
    const known = kept.find(copy.target, copy.digest) !== undefined;
    try {
      if (!(await kept.add(copy, bytes))) return "full";
    } catch (thrown) {
      if (!(thrown instanceof MailboxError)) throw thrown;
      counters.count("store_errors_total", thrown.code.toLowerCase());
      log.error("relay_not_kept", { target: copy.target, reason: explain(thrown) });
      return "store_failed";
    }
    this.arm();
    return known ? "known" : "new";
  }

  /** A packet was delivered: its copy is needed no more. */
  async delivered({ packet, digest }: Verified): Promise<void> {
    const copy = this.#host.kept.find(packet.to, hex(digest));
    if (copy !== undefined) await this.drop(copy, "delivered");
  }

  /** What passes by tells what is settled: a receipt the packet it answers, any packet all that its sender has settled before. */
  async forget({ packet }: Verified): Promise<void> {
    const { kept } = this.#host;
    if (kept.size === 0) return;
    const { from, to, base } = packet;
    const stream = hex(packet.stream);
    const digest =
      packet.kind === "receipt" ? hex(decodeReceipt(packet.body)?.digest ?? new Uint8Array()) : "";
    const settled = kept
      .of()
      .filter(
        (copy) =>
          (copy.target === from && copy.from === to && copy.digest === digest) ||
          (copy.from === from &&
            copy.target === to &&
            copy.stream === stream &&
            copy.seq > 0 &&
            copy.seq < base),
      );
    await Promise.all(settled.map((copy) => this.drop(copy, "settled")));
  }

  async drop(copy: Copy, why: string): Promise<true> {
    if (await this.#host.kept.drop(copy)) this.#host.counters.count("relay_dropped_total", why);
    return true;
  }

  /** Wakes up when the first copy ends. Called at the start too, for what the last run kept. */
  arm(): void {
    clearTimeout(this.#timer);
    const { kept, now } = this.#host;
    if (kept.size === 0 || this.#closed) return;
    const first = Math.min(...kept.of().map((copy) => copy.expires));
    const wait = Math.min(Math.max(first - now(), 0), longestTimer);
    this.#timer = setTimeout(() => background(this.#expire(), "relay", this.#host), wait);
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
  }

  async #expire(): Promise<void> {
    const { kept, now } = this.#host;
    const over = kept.of().filter((copy) => now() >= copy.expires);
    await Promise.all(over.map((copy) => this.drop(copy, "expired")));
    this.arm();
  }

  #copyOf({ packet, digest }: Verified, bytes: Uint8Array, asker: NodeId, least: number): Copy {
    const { to: target, from, id, seq } = packet;
    const now = this.#host.now();
    const expires = Math.min(Math.max(packet.expires, least), now + longest);
    const texts = { digest: hex(digest), stream: hex(packet.stream) };
    return { target, from, asker, id, seq, ...texts, size: bytes.length, expires, keptAt: now };
  }
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}
