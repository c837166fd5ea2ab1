import type { ChannelError, ChannelHost } from "@multifleet/core";
import type { FrameCover } from "@multifleet/core/age";
import { readChain } from "./chain.js";
import { exchange } from "./exchange.js";
import { asChannelError, Oversized } from "./failure.js";
import { Judge } from "./judge.js";
import { refsTo } from "./names.js";
import { readPack, type GitObject } from "./pack.js";
import { Picker, type Due } from "./pick.js";
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
/** How long the removal of what was taken may go on after the end, in ms. */
const graceMs = 5_000;
/** A frame, encrypted, is smaller; so is a tree of as many frames as go into a commit. */
const maxObjectBytes = 1_024 * 1_024;
const maxObjects = 16_384;

export interface Inlet {
  readonly host: ChannelHost;
  readonly cover: FrameCover;
  readonly timeoutMs: number;
  readonly maxInboundBytes: number;
  connect(service: Service): Connection;
  /** What an exchange told of the remote. */
  tell(failure: ChannelError | undefined): void;
}

/** Reads what waits for this node on one remote: when something rings, until nothing is left that can be dealt with. */
export class Incoming {
  readonly #inlet: Inlet;
  readonly #picker: Picker;
  readonly #judge: Judge;
  readonly #reading = new AbortController();
  readonly #removing = new AbortController();
  /** Whether the remote lets no ref be set back: then each is read to its end, and removed. */
  #isWhole = false;
  #step = 0;
  #isRung = false;
  #running: Promise<void> | undefined;
  #isClosed = false;

  constructor(inlet: Inlet) {
    const { host, cover } = inlet;
    this.#inlet = inlet;
    this.#picker = new Picker(host, cover);
    // What it could not take before is then worth another try.
    this.#judge = new Judge(host, cover, () => this.#picker.hasPutOff && this.ring(true));
  }

  /** Something may have come. `anew`: what was put off, too, and what could not be removed. */
  ring(anew = false): void {
    if (this.#isClosed) return;
    if (anew) this.#picker.forget();
    this.#isRung = true;
    this.#running ??= this.#run();
  }

  /** Ends after the frames that are being judged, and their removal. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#judge.close();
    this.#reading.abort();
    const late = setTimeout(() => this.#removing.abort(), graceMs);
    await this.#running;
    clearTimeout(late);
  }

  async #run(): Promise<void> {
    while (this.#isRung && !this.#isClosed) {
      this.#isRung = false;
      this.#step = 0;
      this.#picker.rest();
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
          due = await this.#picker.pick(session.refs, this.#most);
          return due.length === 0 ? new Map<string, GitObject>() : await this.#fetch(session, due);
        },
      );
    } catch (error) {
      if (due.length === 0 || this.#isClosed) throw error;
      return await this.#skip(asChannelError(error), due);
    }
    const removals: Command[] = [];
    for (const each of due) {
      const chain = readChain(objects, each.tip);
      if (await this.#judge.judge(chain))
        removals.push({ ref: each.ref, old: each.tip, new: chain.rest ?? nothing });
      else this.#picker.putOff(each);
    }
    const isGone = await this.#remove(removals);
    // What comes from now on rings again. More of what was there is behind a full hand, a cut chain and a lost race.
    const isMore = due.length === this.#most || removals.some((each) => each.new !== nothing);
    return due.length > 0 && (isMore || !isGone) && !this.#isClosed;
  }

  get #most(): number {
    return steps[this.#step]?.refs ?? 1;
  }

  async #fetch(session: Session, due: readonly Due[]): Promise<ReadonlyMap<string, GitObject>> {
    const { maxInboundBytes } = this.#inlet;
    const depth = this.#isWhole || !session.cuts ? undefined : steps[this.#step]?.depth;
    const tips = due.map(({ tip }) => tip);
    const pack = await session.fetch(tips, depth, maxInboundBytes);
    const limits = { objects: maxObjects, object: maxObjectBytes, total: 2 * maxInboundBytes };
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
    else for (const each of due) this.#picker.keep(each);
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
        if (isLost(outcome)) this.#inlet.host.count("lost_races");
        else if (command.new !== nothing && !this.#isWhole) this.#isWhole = true;
        else this.#picker.keep({ ref: command.ref, tip: command.old });
      }
    } catch (thrown) {
      for (const { ref, old } of removals) this.#picker.keep({ ref, tip: old });
      this.#fail(asChannelError(thrown), "removal_errors");
    }
    return isGone;
  }
}
