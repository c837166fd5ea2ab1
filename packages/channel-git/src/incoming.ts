import type { ChannelError, ChannelHost, NodeId } from "@multifleet/core";
import type { FrameCover } from "@multifleet/core/age";
import { readChain, type Chain, type Waiting } from "./chain.js";
import { exchange } from "./exchange.js";
import { asChannelError, Oversized } from "./failure.js";
import { refsTo, senderOf } from "./names.js";
import { readPack, type GitObject } from "./pack.js";
import {
  emptyPack,
  isLost,
  nothing,
  type Command,
  type Connection,
  type Service,
  type Session,
} from "./session.js";

/** How much is read at a time: of how many refs, and how many of each one's newest commits. The next step after one that was too much. */
const steps = [
  { refs: 16, depth: 16 },
  { refs: 1, depth: 4 },
  { refs: 1, depth: 1 },
] as const;
/** How often in a row a remote is read at one ring of the bell: an honest one is empty long before. */
const maxPasses = 256;
/** Refs of senders that nobody knows, read at one ring. */
const maxStrangers = 16;
/** Frames that are judged at a time: enough to share a commit of the store, few enough for the memory that the largest may take. */
const atOnce = 16;
/** How many refs and frames are remembered that are dealt with, and still there. */
const maxRemembered = 8_192;
/** How long the removal of what was taken may go on after the end, in ms. */
const graceMs = 5_000;
const objectBytes = 1_024 * 1_024;

export interface Inlet {
  readonly host: ChannelHost;
  readonly cover: FrameCover;
  readonly timeoutMs: number;
  readonly maxInboundBytes: number;
  connect(service: Service): Connection;
  /** What an exchange told of the remote. */
  tell(failure: ChannelError | undefined): void;
}

/** A ref to this node, and where it stands. */
interface Due {
  readonly ref: string;
  readonly tip: string;
  readonly from: NodeId;
}

/** Reads what waits for this node on one remote: when something rings, until nothing is left that can be dealt with. */
export class Incoming {
  readonly #inlet: Inlet;
  /** Refs of which nothing more is to be had as they stand: they cannot be removed, or were put off. */
  readonly #done = new Map<string, string>();
  readonly #putOff = new Map<string, string>();
  /** Frames that were judged, until they are gone from the remote. */
  readonly #judged = new Set<string>();
  readonly #known = new Set<NodeId>();
  readonly #reading = new AbortController();
  readonly #removing = new AbortController();
  #strangers = 0;
  /** How many refs in our place are none of ours, as far as they were counted. */
  #junk = 0;
  /** Whether the remote lets no ref be set back: then each is read to its end, and removed. */
  #isWhole = false;
  #step = 0;
  #isRung = false;
  #running: Promise<void> | undefined;
  #isClosed = false;

  constructor(inlet: Inlet) {
    this.#inlet = inlet;
  }

  /** Something may have come. `anew`: what was put off, too, and what could not be removed. */
  ring(anew = false): void {
    if (this.#isClosed) return;
    if (anew) {
      this.#putOff.clear();
      this.#done.clear();
    }
    this.#isRung = true;
    this.#running ??= this.#run();
  }

  /** Ends after the frames that are being judged, and their removal. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#reading.abort();
    const late = setTimeout(() => this.#removing.abort(), graceMs);
    await this.#running;
    clearTimeout(late);
  }

  async #run(): Promise<void> {
    while (this.#isRung && !this.#isClosed) {
      this.#isRung = false;
      this.#step = 0;
      this.#strangers = 0;
      try {
        let passes = 0;
        while (await this.#pass()) {
          passes += 1;
          if (passes < maxPasses) continue;
          this.#inlet.host.count("endless_refs");
          break;
        }
      } catch (thrown) {
        this.#fail(asChannelError(thrown), "read_errors");
      }
    }
    // In the same step as the last look at the bell.
    this.#running = undefined;
  }

  #fail(error: ChannelError, counter: string): void {
    if (error.code === "ABORTED") return;
    this.#inlet.host.count(counter);
    this.#inlet.tell(error);
  }

  /** Reads some refs and deals with what they hold. True when it is worth another look. */
  async #pass(): Promise<boolean> {
    const { host, connect, timeoutMs } = this.#inlet;
    const bounds = { signal: this.#reading.signal, timeoutMs };
    const prefix = refsTo(host.node);
    let due: readonly Due[] = [];
    let objects: ReadonlyMap<string, GitObject>;
    try {
      objects = await exchange(
        connect("git-upload-pack"),
        (ref) => ref.startsWith(prefix),
        bounds,
        async (session) => {
          this.#inlet.tell(undefined);
          due = await this.#due(session.refs);
          return due.length === 0 ? new Map<string, GitObject>() : await this.#fetch(session, due);
        },
      );
    } catch (error) {
      if (due.length === 0 || this.#isClosed) throw error;
      return await this.#skip(asChannelError(error), due);
    }
    const removals: Command[] = [];
    for (const { ref, tip } of due) {
      const chain = readChain(objects, tip);
      for (let count = 0; count < chain.junk; count++) host.count("junk_entries");
      if (await this.#judge(chain)) removals.push({ ref, old: tip, new: chain.rest ?? nothing });
      else remember(this.#putOff, ref, tip);
    }
    const isGone = await this.#remove(removals);
    // What comes from now on rings again. More of what was there is behind a full hand, a cut chain and a lost race.
    const isMore = due.length === steps[this.#step]?.refs || removals.some((each) => each.new !== nothing);
    return due.length > 0 && (isMore || !isGone) && !this.#isClosed;
  }

  /** The refs that are read next: those of senders that this node knows come first. */
  async #due(refs: ReadonlyMap<string, string>): Promise<Due[]> {
    const { host } = this.#inlet;
    const size = steps[this.#step]?.refs ?? 1;
    const strangers: Due[] = [];
    const due: Due[] = [];
    let looked = 0;
    let junk = 0;
    for (const [ref, tip] of refs) {
      if (this.#done.get(ref) === tip || this.#putOff.get(ref) === tip) continue;
      const from = senderOf(ref, host.node);
      if (from === undefined) {
        junk += 1;
        continue;
      }
      if (await this.#isKnown(from)) due.push({ ref, tip, from });
      else if (strangers.length < size) strangers.push({ ref, tip, from });
      if (due.length === size) break;
      looked += 1;
      if (looked % 256 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    for (; this.#junk < junk; this.#junk++) host.count("junk_refs");
    if (due.length > 0 || strangers.length === 0) return due;
    const some = strangers.slice(0, maxStrangers - this.#strangers);
    this.#strangers += some.length;
    if (some.length === 0) host.count("postponed_refs");
    return some;
  }

  /** Whether a frame to that node could be covered: then its key is known, and it is one of the fleet. */
  async #isKnown(node: NodeId): Promise<boolean> {
    if (this.#known.has(node)) return true;
    const isKnown = (await this.#inlet.cover.cover(new Uint8Array(0), node)) !== undefined;
    if (isKnown) this.#known.add(node);
    return isKnown;
  }

  async #fetch(session: Session, due: readonly Due[]): Promise<ReadonlyMap<string, GitObject>> {
    const { maxInboundBytes } = this.#inlet;
    const depth = this.#isWhole || !session.cuts ? undefined : steps[this.#step]?.depth;
    const tips = due.map(({ tip }) => tip);
    const pack = await session.fetch(tips, depth, maxInboundBytes);
    const limits = { objects: 16_384, object: objectBytes, total: 2 * maxInboundBytes };
    return await readPack(pack, limits);
  }

  /** Some refs could not be read together: they are read one by one, and one whose newest commit alone is too much is junk. */
  async #skip(error: ChannelError, due: readonly Due[]): Promise<boolean> {
    if (error.code !== "INTERNAL") throw error;
    const isTooMuch = error instanceof Oversized && !this.#isWhole;
    if (due.length > 1 || (isTooMuch && this.#step < steps.length - 1)) {
      this.#step += 1;
      return true;
    }
    this.#inlet.host.count("unreadable_refs");
    const removals = due.map(({ ref, tip }) => ({ ref, old: tip, new: nothing }));
    // A remote that fails, or sends nonsense, is no reason to remove anything from it.
    if (isTooMuch) await this.#remove(removals);
    else for (const removal of removals) this.#keep(removal);
    return true;
  }

  /** Hands a ref's frames over. True when nothing of it is needed any more. */
  async #judge({ frames }: Chain): Promise<boolean> {
    let isSettled = true;
    for (let at = 0; at < frames.length; at += atOnce) {
      const some = frames.slice(at, at + atOnce);
      const settled = await Promise.all(some.map((frame) => this.#give(frame)));
      if (!settled.every(Boolean)) isSettled = false;
    }
    return isSettled;
  }

  async #give({ blob, bytes }: Waiting): Promise<boolean> {
    const { host, cover } = this.#inlet;
    if (this.#judged.has(blob)) return true;
    if (this.#isClosed) return false;
    const frame = await cover.uncover(bytes);
    if (frame === undefined) {
      host.count("unreadable_frames");
      return this.#settle(blob);
    }
    if (this.#isClosed) return false;
    const verdict = await host.receive(frame);
    switch (verdict.code) {
      case "taken":
        // The daemon can take again, so those that it could not are worth another try.
        if (this.#putOff.size > 0) this.ring(true);
        return this.#settle(blob);
      case "refused":
        host.count("refused_frames");
        return this.#settle(blob);
      case "later":
        host.count("postponed_frames");
        return false;
    }
  }

  #settle(blob: string): true {
    if (this.#judged.size >= maxRemembered) this.#judged.clear();
    this.#judged.add(blob);
    return true;
  }

  /** Removes refs, or sets them back to what was not read. What cannot be removed is not read again. True when all were changed. */
  async #remove(removals: readonly Command[]): Promise<boolean> {
    if (removals.length === 0) return true;
    let isGone = true;
    const { connect, timeoutMs } = this.#inlet;
    const bounds = { signal: this.#removing.signal, timeoutMs };
    const pack = removals.some((command) => command.new !== nothing) ? emptyPack : undefined;
    try {
      const outcomes = await exchange(
        connect("git-receive-pack"),
        () => false,
        bounds,
        (session) => session.push(removals, pack),
      );
      for (const command of removals) {
        const outcome = outcomes.get(command.ref);
        if (outcome === undefined || outcome.isDone) continue;
        isGone = false;
        if (command.new !== nothing && /non-fast-forward/.test(outcome.why)) this.#isWhole = true;
        else if (isLost(outcome)) this.#inlet.host.count("lost_races");
        else this.#keep(command);
      }
    } catch (thrown) {
      for (const command of removals) this.#keep(command);
      this.#fail(asChannelError(thrown), "removal_errors");
    }
    return isGone;
  }

  #keep({ ref, old }: Command): void {
    this.#inlet.host.count("kept_refs");
    remember(this.#done, ref, old);
  }
}

function remember(map: Map<string, string>, ref: string, tip: string): void {
  if (map.size >= maxRemembered) map.clear();
  map.set(ref, tip);
}
