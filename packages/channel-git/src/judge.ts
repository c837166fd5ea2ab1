import type { ChannelHost } from "@multifleet/core";
import type { FrameCover } from "@multifleet/core/age";
import type { Chain, Waiting } from "./chain.js";

/** Frames that are judged at a time: enough to share a commit of the store, few enough for the memory that the largest may take. */
const atOnce = 16;
/** How many frames are remembered that are dealt with, and may still be there. */
const maxRemembered = 8_192;

/** Hands frames to the daemon, each once as long as this link is open. */
export class Judge {
  readonly #host: ChannelHost;
  readonly #cover: FrameCover;
  readonly #onTaken: () => void;
  readonly #judged = new Set<string>();
  #isClosed = false;

  /** @param onTaken Called when the daemon took a frame: so it can take others, too. */
  constructor(host: ChannelHost, cover: FrameCover, onTaken: () => void) {
    this.#host = host;
    this.#cover = cover;
    this.#onTaken = onTaken;
  }

  /** Hands nothing over any more. */
  close(): void {
    this.#isClosed = true;
  }

  /** Hands a ref's frames over. True when nothing of it is needed any more. */
  async judge({ frames, junk }: Chain): Promise<boolean> {
    for (let count = 0; count < junk; count++) this.#host.count("junk_entries");
    let isSettled = true;
    for (let at = 0; at < frames.length; at += atOnce) {
      const settled = await Promise.all(frames.slice(at, at + atOnce).map((frame) => this.#give(frame)));
      if (!settled.every(Boolean)) isSettled = false;
    }
    return isSettled;
  }

  async #give({ blob, bytes }: Waiting): Promise<boolean> {
    if (this.#judged.has(blob)) return true;
    const frame = await this.#cover.uncover(bytes);
    if (this.#isClosed) return false;
    if (frame === undefined) {
      this.#host.count("unreadable_frames");
      return this.#settle(blob);
    }
    const verdict = await this.#host.receive(frame);
    switch (verdict.code) {
      case "taken":
        this.#onTaken();
        return this.#settle(blob);
      case "refused":
        this.#host.count("refused_frames");
        return this.#settle(blob);
      case "later":
        this.#host.count("postponed_frames");
        return false;
    }
  }

  #settle(blob: string): true {
    if (this.#judged.size >= maxRemembered) this.#judged.clear();
    this.#judged.add(blob);
    return true;
  }
}
