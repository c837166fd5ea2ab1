import type { NodeId } from "@multifleet/core";

/** How much one member may ask of a relay, and all of them together. */
export interface Quota {
  /** Requests under way, and their bytes. */
  readonly requests: number;
  readonly bytes: number;
  /** Requests a second over a longer time, and how many may come at once. */
  readonly rate: number;
  readonly burst: number;
}

/** Enough for a window of messages of one sender; four of them fill the whole. */
export const memberQuota: Quota = { requests: 256, bytes: 16 * 1_048_576, rate: 500, burst: 2_000 };
const allRequests = 1_024;
const allBytes = 64 * 1_048_576;

interface Account {
  requests: number;
  bytes: number;
  tokens: number;
  at: number;
}

/** Keeps each member within its quota: one that asks without end takes nothing from the others, and no memory. */
export class Quotas {
  readonly #quota: Quota;
  readonly #accounts = new Map<NodeId, Account>();
  #requests = 0;
  #bytes = 0;

  constructor(quota: Quota = memberQuota) {
    this.#quota = quota;
  }

  /** Books a request of a member. @param now Milliseconds. @returns What ends it, or undefined when it is over a quota. */
  enter(member: NodeId, bytes: number, now: number): (() => void) | undefined {
    const { requests, bytes: most, rate, burst } = this.#quota;
    const account = this.#accounts.get(member) ?? { requests: 0, bytes: 0, tokens: burst, at: now };
    this.#accounts.set(member, account);
    const waited = Math.max(now - account.at, 0);
    account.tokens = Math.min(burst, account.tokens + (waited / 1_000) * rate);
    account.at = now;
    if (account.requests >= requests || account.bytes + bytes > most) return undefined;
    if (this.#requests >= allRequests || this.#bytes + bytes > allBytes || account.tokens < 1)
      return undefined;
    account.tokens--;
    this.#book(account, 1, bytes);
    return () => this.#book(account, -1, -bytes);
  }

  #book(account: Account, requests: number, bytes: number): void {
    account.requests += requests;
    account.bytes += bytes;
    this.#requests += requests;
    this.#bytes += bytes;
  }
}
