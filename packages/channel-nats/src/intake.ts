import { maxPacketBytes, type ChannelHost, type Verdict } from "@multifleet/core";

/** Frames that the daemon has in hand, beyond their bytes. */
const maxFrames = 4_096;

/** What came in and waits for the daemon's verdict: not more of it than there is memory for. */
export class Intake {
  readonly #host: ChannelHost;
  readonly #maxBytes: number;
  readonly #open = new Set<Promise<void>>();
  #bytes = 0;

  constructor(host: ChannelHost, maxBytes: number) {
    this.#host = host;
    this.#maxBytes = maxBytes;
  }

  /** Hands a stranger's bytes to the daemon, unless they can be no frame, and `settle`s what it says. */
  take(bytes: Uint8Array, settle: (verdict: Verdict) => void | Promise<void>): void {
    const judged = this.#judge(bytes).then(settle);
    const done = judged.catch(() => this.#host.count("receive_errors"));
    this.#open.add(done);
    void done.finally(() => this.#open.delete(done));
  }

  /** Resolves once all that is in hand is settled. */
  async settled(): Promise<void> {
    await Promise.all(this.#open);
  }

  async #judge(bytes: Uint8Array): Promise<Verdict> {
    if (bytes.length === 0) {
      this.#host.count("empty_frames");
      return { code: "refused", reason: "empty" };
    }
    if (bytes.length > maxPacketBytes) {
      this.#host.count("oversized_frames");
      return { code: "refused", reason: `more than ${maxPacketBytes} bytes` };
    }
    if (this.#bytes + bytes.length > this.#maxBytes || this.#open.size >= maxFrames) {
      this.#host.count("busy_answers");
      return { code: "later", reason: "too much is in hand" };
    }
    this.#bytes += bytes.length;
    try {
      return await this.#host.receive(bytes);
    } finally {
      this.#bytes -= bytes.length;
    }
  }
}
