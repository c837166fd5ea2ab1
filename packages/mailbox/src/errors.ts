/**
 * Why a store operation failed. `FULL`: the disk is full; nothing was changed; the next call may succeed. `FAILED`: the disk
 * said no in another way. `QUOTA`: the outbox holds as much as it may. `CORRUPT`: what is stored is damaged or not ours. `IN_USE`: another
 * process, or another mailbox of this one, has the store open. `CLOSED`: after `close`.
 */
export type MailboxErrorCode = "FULL" | "FAILED" | "QUOTA" | "CORRUPT" | "IN_USE" | "CLOSED";

/** Thrown, and rejected with, by every operation that touches the disk. */
export class MailboxError extends Error {
  override readonly name = "MailboxError";
  readonly code: MailboxErrorCode;

  constructor(code: MailboxErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.code = code;
  }
}

/** Another mailbox has the store open; it says whose. */
export class InUseError extends MailboxError {
  readonly pid: number;
  /** What the other said of itself when it opened the store. */
  readonly about: string;
  /** When it did, in milliseconds since the epoch. */
  readonly since: number;

  constructor(owner: { readonly pid: number; readonly about: string; readonly since: number }) {
    super("IN_USE", `the store is in use by process ${owner.pid} (${owner.about})`);
    this.pid = owner.pid;
    this.about = owner.about;
    this.since = owner.since;
  }
}
