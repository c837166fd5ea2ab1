import type { ChannelHost, NodeId } from "@multifleet/core";
import type { FrameCover } from "@multifleet/core/age";
import { senderOf } from "./names.js";

/** Refs of senders that nobody knows, read at one ring. */
const maxStrangers = 16;
/** How many refs are remembered that are dealt with, and still there. */
const maxRemembered = 8_192;
/** After so many refs others have their turn. */
const turn = 256;

/** A ref to this node, and where it stands. */
export interface Due {
  readonly ref: string;
  readonly tip: string;
}

/** Chooses what is read next among the refs to this node, of which anybody with access to the remote may have made any number. */
export class Picker {
  readonly #host: ChannelHost;
  readonly #cover: FrameCover;
  /** Refs of which nothing more is to be had as they stand: they cannot be removed, or their frames were put off. */
  readonly #kept = new Map<string, string>();
  readonly #putOff = new Map<string, string>();
  readonly #known = new Set<NodeId>();
  #strangers = 0;
  /** How many refs in our place are none of ours, as far as they were counted. */
  #junk = 0;

  constructor(host: ChannelHost, cover: FrameCover) {
    this.#host = host;
    this.#cover = cover;
  }

  get hasPutOff(): boolean {
    return this.#putOff.size > 0;
  }

  /** Something rang: some more strangers may be read. */
  rest(): void {
    this.#strangers = 0;
  }

  /** Everything is worth another try. */
  forget(): void {
    this.#kept.clear();
    this.#putOff.clear();
  }

  /** A ref cannot be removed: it is not read again as it stands. */
  keep({ ref, tip }: Due): void {
    this.#host.count("kept_refs");
    remember(this.#kept, ref, tip);
  }

  putOff({ ref, tip }: Due): void {
    remember(this.#putOff, ref, tip);
  }

  /** At most `most` refs: those of senders that this node knows come first. */
  async pick(refs: ReadonlyMap<string, string>, most: number): Promise<readonly Due[]> {
    const due: Due[] = [];
    const strangers: Due[] = [];
    let looked = 0;
    let junk = 0;
    // lint: polling-ok it does its own work piece by piece, so that others have their turn in between
    for (const [ref, tip] of refs) {
      looked += 1;
      if (looked % turn === 0) await new Promise((resolve) => setImmediate(resolve));
      if (this.#kept.get(ref) === tip || this.#putOff.get(ref) === tip) continue;
      const from = senderOf(ref, this.#host.node);
      if (from === undefined) junk += 1;
      else if (await this.#knows(from)) due.push({ ref, tip });
      else if (strangers.length < most) strangers.push({ ref, tip });
      if (due.length === most) return due;
    }
    for (; this.#junk < junk; this.#junk++) this.#host.count("junk_refs");
    return due.length > 0 ? due : this.#some(strangers);
  }

  #some(strangers: readonly Due[]): readonly Due[] {
    const some = strangers.slice(0, maxStrangers - this.#strangers);
    this.#strangers += some.length;
    if (strangers.length > 0 && some.length === 0) this.#host.count("postponed_refs");
    return some;
  }

  /** Whether a frame to that node could be covered: then its key is known, and it is one of the fleet. */
  async #knows(node: NodeId): Promise<boolean> {
    if (this.#known.has(node)) return true;
    const isKnown = (await this.#cover.cover(new Uint8Array(0), node)) !== undefined;
    if (isKnown) this.#known.add(node);
    return isKnown;
  }
}

function remember(map: Map<string, string>, ref: string, tip: string): void {
  if (map.size >= maxRemembered) map.clear();
  map.set(ref, tip);
}
