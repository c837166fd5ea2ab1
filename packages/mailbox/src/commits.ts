import { MailboxError, type MailboxErrorCode } from "./errors.js";
import type { Store } from "./store/store.js";
import { Transaction } from "./transaction.js";

/** Decides what to change, from what is durable and what was planned before it. Must not wait, and may be run again. */
export type Plan<Value> = (tx: Transaction) => Value;

interface Request {
  readonly plan: Plan<unknown>;
  resolve(value: unknown): void;
  reject(error: unknown): void;
}

/** How long a change that nobody waits for may wait for company, in milliseconds. */
const noteDelay = 100;

/**
 * Group commit. One commit is under way at a time; what is asked for meanwhile is planned together when it has ended, and shares the next.
 * Planning after the end means that there is never a plan to take back: a failed commit leaves everything as it was.
 */
export class Commits {
  readonly #store: Store;
  readonly #onError: (error: MailboxError) => void;
  readonly #closing: Plan<void>[] = [];
  #queue: Request[] = [];
  readonly #notes = new Map<string, Plan<void>>();
  #timer: NodeJS.Timeout | undefined;
  #notesDue = false;
  #running: Promise<void> | undefined;
  #closed = false;
  #failing: MailboxErrorCode | undefined;

  constructor(store: Store, onError: (error: MailboxError) => void) {
    this.#store = store;
    this.#onError = onError;
  }

  /** Has `plan` run at the end of every commit that changes something. When it throws, all of that commit fails. */
  onCommit(plan: Plan<void>): void {
    this.#closing.push(plan);
  }

  /** The code of the last commit's failure, undefined when it went well. */
  get failing(): MailboxErrorCode | undefined {
    return this.#failing;
  }

  /** Resolves with what `plan` gave, when that is durable; rejects with what it threw, or with a MailboxError. */
  request<Value>(plan: Plan<Value>): Promise<Value> {
    if (this.#closed) return Promise.reject(closed());
    return new Promise<Value>((resolve, reject) => {
      this.#queue.push({ plan, resolve, reject });
      this.#start();
    });
  }

  /** A change that nobody waits for; a later one under the same key takes its place. It is tried again with the next commit after one failed. */
  note(key: string, plan: Plan<void>, options?: { readonly now: boolean }): void {
    if (this.#closed) return;
    this.#notes.set(key, plan);
    if (options?.now === true) this.#notesDue = true;
    if (this.#notesDue) this.#start();
    else this.#noteLater();
  }

  /** Takes a note back that something else has overtaken. */
  forget(key: string): void {
    this.#notes.delete(key);
  }

  /** @throws MailboxError `CLOSED` */
  check(): void {
    if (this.#closed) throw closed();
  }

  /** Commits everything that was asked for, then `last`. Never rejects: what failed was told where it was asked for, or to `onError`. */
  async close(last: Plan<void>): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    await this.#running;
    this.#notesDue = true;
    await new Promise<void>((resolve) => {
      this.#queue.push({ plan: last, resolve: () => resolve(), reject: () => resolve() });
      this.#start();
    });
    await this.#running;
  }

  #noteLater(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.#notesDue = true;
      this.#start();
    }, noteDelay).unref();
  }

  #start(): void {
    // A microtask later, so that what is asked for in one go is committed in one.
    this.#running ??= Promise.resolve().then(() => this.#run());
  }

  async #run(): Promise<void> {
    while (this.#queue.length > 0 || (this.#notesDue && this.#notes.size > 0)) {
      const tx = new Transaction(this.#store);
      const { replies, notes } = this.#planAll(tx);
      try {
        if (!tx.empty) {
          for (const plan of this.#closing) plan(tx);
          await this.#store.commit(tx.changes());
        }
      } catch (error) {
        const failure = toError(error);
        this.#failing = failure.code;
        for (const [key, plan] of notes) if (!this.#notes.has(key)) this.#notes.set(key, plan);
        for (const { reject } of replies) reject(failure);
        this.#report(failure);
        continue;
      }
      if (!tx.empty) this.#failing = undefined;
      tx.apply();
      for (const { resolve, value } of replies) resolve(value);
      if (this.#notes.size > 0) this.#noteLater();
    }
    // In the same step as the last look at the queue: whoever comes now starts anew.
    this.#running = undefined;
  }

  #planAll(tx: Transaction) {
    const replies: { resolve(value: unknown): void; reject(error: unknown): void; value: unknown }[] = [];
    let taken = 0;
    for (const { plan, resolve, reject } of this.#queue) {
      if (tx.full) break;
      taken++;
      try {
        replies.push({ resolve, reject, value: tx.attempt(plan) });
      } catch (error) {
        reject(error);
      }
    }
    this.#queue = this.#queue.slice(taken);
    const notes = this.#notesDue ? [...this.#notes] : [];
    if (this.#notesDue) this.#notes.clear();
    this.#notesDue = false;
    for (const [, plan] of notes) this.try(tx, plan);
    return { replies, notes };
  }

  /** Runs a plan that nobody waits for: what it throws can only be reported. */
  try(tx: Transaction, plan: Plan<void>): void {
    try {
      tx.attempt(plan);
    } catch (error) {
      this.#report(toError(error));
    }
  }

  #report(error: MailboxError): void {
    // The store goes on whatever its owner makes of the news.
    queueMicrotask(() => this.#onError(error));
  }
}

function closed(): MailboxError {
  return new MailboxError("CLOSED", "the mailbox is closed");
}

function toError(error: unknown): MailboxError {
  return error instanceof MailboxError
    ? error
    : new MailboxError("FAILED", error instanceof Error ? error.message : String(error), { cause: error });
}
