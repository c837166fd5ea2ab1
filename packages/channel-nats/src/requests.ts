import { randomBytes } from "node:crypto";
import type { ChannelError } from "@multifleet/core";
import type { Connection, Msg } from "./client.js";
import { asChannelError, natsError } from "./failure.js";

/** How to ask. */
export interface Asking<Answer> {
  /** Whose requests end together. */
  readonly owner: object;
  readonly signal?: AbortSignal | undefined;
  readonly timeoutMs: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** Reads an answer; undefined when it is none, and the genuine one is then still waited for. */
  read(payload: Buffer): Answer | undefined;
}

interface Pending {
  readonly owner: object;
  readonly subject: string;
  /** @returns Whether it was an answer. */
  settle(payload: Buffer): boolean;
  fail(error: ChannelError): void;
}

/**
 * Requests over one connection, with one subscription for all answers: several times as many as the client's own `request`, and each ends
 * at once with the connection.
 */
export class Requests {
  readonly #connection: Connection;
  readonly #inbox: string;
  readonly #pending = new Map<string, Pending>();
  readonly #count: (event: string) => void;
  #drawn = 0;
  #over: string | undefined;

  /** @param prefix the subject that answers come in under; a part that nobody can guess is added to it. */
  constructor(connection: Connection, prefix: string, count: (event: string) => void) {
    this.#connection = connection;
    this.#count = count;
    this.#inbox = `${prefix}.${randomBytes(12).toString("hex")}`;
    connection.subscribe(`${this.#inbox}.*`, (message) => this.#answered(message));
  }

  /**
   * Asks once.
   * @throws ChannelError `UNREACHABLE` when nobody listens, `TIMEOUT`, `ABORTED`, `DENIED`, `CLOSED` when the connection ended, `TOO_LARGE`.
   */
  async ask<Answer>(subject: string, bytes: Uint8Array, asking: Asking<Answer>): Promise<Answer> {
    const { owner, signal, timeoutMs, headers, read } = asking;
    if (signal?.aborted === true) throw natsError("ABORTED", "the send was aborted");
    if (this.#over !== undefined) throw natsError("CLOSED", this.#over);
    this.#drawn += 1;
    const token = this.#drawn.toString(36);
    let timer: NodeJS.Timeout | undefined;
    let abort: () => void = () => undefined;
    try {
      return await new Promise<Answer>((resolve, reject) => {
        abort = () => reject(natsError("ABORTED", "the send was aborted"));
        timer = setTimeout(() => reject(natsError("TIMEOUT", `no answer within ${timeoutMs} ms`)), timeoutMs);
        signal?.addEventListener("abort", abort);
        const settle = (payload: Buffer) => {
          const answer = read(payload);
          if (answer !== undefined) resolve(answer);
          return answer !== undefined;
        };
        this.#pending.set(token, { owner, subject, settle, fail: reject });
        this.#post(subject, bytes, { reply: `${this.#inbox}.${token}`, ...(headers && { headers }) });
      });
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener("abort", abort);
      this.#pending.delete(token);
    }
  }

  /** This user may not publish to `subject`: who asked there waits in vain. */
  denied(subject: string): void {
    for (const pending of this.#pending.values())
      if (pending.subject === subject)
        pending.fail(natsError("DENIED", `this login may not publish to ${subject}`));
  }

  /** Ends what `owner` asked. */
  endOf(owner: object, reason: string): void {
    for (const pending of this.#pending.values())
      if (pending.owner === owner) pending.fail(natsError("CLOSED", reason));
  }

  /** The connection has ended, and with it all that was asked over it. */
  end(reason: string): void {
    this.#over = reason;
    for (const pending of this.#pending.values()) pending.fail(natsError("CLOSED", reason));
  }

  #post(
    subject: string,
    bytes: Uint8Array,
    posting: { reply: string; headers?: Record<string, string> },
  ): void {
    const most = this.#connection.info?.max_payload;
    // A server ends the connection over this, with all that is under way.
    if (most !== undefined && bytes.length + headerBytes(posting.headers) > most)
      throw natsError("TOO_LARGE", `the server's max_payload is ${most} bytes`);
    try {
      this.#connection.publish(subject, bytes, posting);
    } catch (error) {
      throw asChannelError(error);
    }
  }

  #answered(message: Msg): void {
    const token = message.subject.slice(this.#inbox.length + 1);
    const pending = this.#pending.get(token);
    // Whoever asked has given up, or somebody guesses.
    if (pending === undefined) return this.#count("late_answers");
    const { data } = message;
    if (data.length === 0 && statusOf(message) === 503)
      return pending.fail(natsError("UNREACHABLE", `nobody listens at ${pending.subject}`));
    if (!pending.settle(Buffer.from(data.buffer, data.byteOffset, data.byteLength)))
      this.#count("malformed_answers");
  }
}

function statusOf(message: Msg): number | undefined {
  try {
    return message.headers?.code;
  } catch {
    // Headers that cannot be read are an answer that is none, and counted as such.
    return undefined;
  }
}

/** What headers take on the wire: a first line, each of them, and an empty line. */
function headerBytes(headers: Readonly<Record<string, string>> | undefined): number {
  if (headers === undefined) return 0;
  return Object.entries(headers).reduce((sum, [key, value]) => sum + key.length + value.length + 4, 12);
}
