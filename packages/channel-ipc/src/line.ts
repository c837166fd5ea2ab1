import { connect, type Socket } from "node:net";
import { maxPacketBytes, type SendResult, type Verdict } from "@multifleet/core";
import { aborted, codeOf, failure } from "./failure.js";
import { isOwnSocket } from "./place.js";
import { Decoder, decodeVerdict, encode } from "@multifleet/core/stream";

/** More than this is not held for one peer: the sender is told `BUSY` at once. */
const maxWaitingFrames = 4_096;
const maxWaitingBytes = 16 * 1_024 * 1_024;
/** What is written in one go, in bytes. */
const batchBytes = 256 * 1_024;
/** So many sends that were given up and never answered end the connection. */
const maxForgotten = 4_096;

/** What a line tells of its connection. */
export interface LineNews {
  up(): void;
  /** It was connected and is no more, by the peer's doing. */
  lost(reason: string): void;
  /** It could not be connected. */
  refused(): void;
  /** What the peer said made no sense. */
  malformed(): void;
  /** It is over: make another for the next frame. */
  over(): void;
}

/** A frame on its way. */
interface Parcel {
  readonly bytes: Uint8Array;
  /** The id of its request, once it was written. */
  id: number | undefined;
  settle(result: SendResult): void;
}

/** The one kept connection to a peer's socket. Frames of one tick are written together; answers come in any order. */
export class Line {
  readonly #news: LineNews;
  readonly #path: string;
  readonly #waiting = new Set<Parcel>();
  /** Frames that were written, by request id; undefined where nobody waits for the answer any more. */
  readonly #written = new Map<number, Parcel | undefined>();
  #waitingBytes = 0;
  #forgotten = 0;
  #lastId = 0;
  #flushing = false;
  #connected = false;
  #isOver = false;
  #socket: Socket | undefined;
  /** Resolves when the socket is gone, not only destroyed. */
  #gone: Promise<void> = Promise.resolve();

  constructor(path: string, news: LineNews) {
    this.#path = path;
    this.#news = news;
    this.#connect().catch((error: unknown) => this.#refuse(codeOf(error), error));
  }

  async send(bytes: Uint8Array, signal: AbortSignal): Promise<SendResult> {
    if (signal.aborted) return aborted();
    if (this.#waiting.size === maxWaitingFrames || this.#waitingBytes + bytes.length > maxWaitingBytes)
      return failure("BUSY", "too much is waiting for this peer");
    return await new Promise((resolve) => {
      const abort = () => {
        this.#forget(parcel);
        parcel.settle(aborted());
      };
      const parcel: Parcel = {
        bytes,
        id: undefined,
        settle(result) {
          signal.removeEventListener("abort", abort);
          resolve(result);
        },
      };
      signal.addEventListener("abort", abort, { once: true });
      this.#waiting.add(parcel);
      this.#waitingBytes += bytes.length;
      this.#flushSoon();
    });
  }

  /** Ends the connection and every send. */
  async close(): Promise<void> {
    this.#end(failure("CLOSED", "the link was closed"));
    await this.#gone;
  }

  async #connect(): Promise<void> {
    if (!(await isOwnSocket(this.#path))) return this.#refuse("it is no socket of this user");
    if (this.#isOver) return;
    const decoder = new Decoder(maxPacketBytes + 1, (id, payload) => this.#answer(id, payload));
    const socket = connect(this.#path);
    let reason: unknown;
    socket.on("connect", () => {
      this.#connected = true;
      this.#news.up();
      this.#flush();
    });
    socket.on("drain", () => this.#flush());
    socket.on("data", (chunk) => {
      if (!this.#isOver && !decoder.push(chunk)) this.#garbled();
    });
    socket.on("error", (error) => (reason = error));
    socket.on("close", () => {
      if (this.#isOver) return;
      if (this.#connected) this.#lose(reason === undefined ? "closed by the peer" : codeOf(reason), reason);
      else this.#refuse(codeOf(reason), reason);
    });
    this.#socket = socket;
    this.#gone = new Promise((resolve) => socket.once("close", () => resolve()));
  }

  /** Runs when this tick's promises have settled, before the loop turns: what they send goes together and nothing waits. */
  #flushSoon(): void {
    if (this.#flushing || !this.#connected) return;
    this.#flushing = true;
    queueMicrotask(() => process.nextTick(() => this.#flush()));
  }

  #flush(): void {
    this.#flushing = false;
    const socket = this.#socket;
    if (socket === undefined || this.#isOver) return;
    while (this.#waiting.size > 0 && socket.writableLength < batchBytes) socket.write(this.#take());
  }

  #take(): Buffer {
    const messages: Buffer[] = [];
    let size = 0;
    for (const parcel of this.#waiting) {
      size += parcel.bytes.length;
      if (messages.length > 0 && size > batchBytes) break;
      this.#waiting.delete(parcel);
      this.#waitingBytes -= parcel.bytes.length;
      parcel.id = this.#newId();
      this.#written.set(parcel.id, parcel);
      messages.push(encode(parcel.id, parcel.bytes));
    }
    return messages.length === 1 && messages[0] ? messages[0] : Buffer.concat(messages);
  }

  #newId(): number {
    do this.#lastId = (this.#lastId + 1) >>> 0;
    while (this.#written.has(this.#lastId));
    return this.#lastId;
  }

  /** Nobody waits for the answer to this frame any more; it is not sent if it can still be helped. */
  #forget(parcel: Parcel): void {
    if (parcel.id === undefined) {
      if (this.#waiting.delete(parcel)) this.#waitingBytes -= parcel.bytes.length;
    } else if (this.#written.get(parcel.id) === parcel) {
      this.#written.set(parcel.id, undefined);
      this.#forgotten += 1;
      if (this.#forgotten > maxForgotten) this.#end(failure("CLOSED", "the peer answers nothing"));
    }
  }

  #answer(id: number, payload: Buffer): void {
    const verdict = decodeVerdict(payload);
    if (this.#isOver) return;
    if (verdict === undefined || !this.#written.has(id)) return this.#garbled();
    const parcel = this.#written.get(id);
    this.#written.delete(id);
    if (parcel === undefined) this.#forgotten -= 1;
    else parcel.settle(resultOf(verdict));
  }

  #garbled(): void {
    if (this.#isOver) return;
    this.#news.malformed();
    this.#news.lost("its answer was malformed");
    this.#end(failure("INTERNAL", "the peer's answer is malformed"));
  }

  #lose(reason: string, cause: unknown): void {
    this.#news.lost(reason);
    this.#end(failure("CLOSED", `the connection ended: ${reason}`, cause));
  }

  #refuse(reason: string, cause?: unknown): void {
    if (this.#isOver) return;
    this.#news.refused();
    // The kernel says EAGAIN when a live listener has not come to accept for long.
    const code = reason === "EAGAIN" ? "BUSY" : "UNREACHABLE";
    this.#end(failure(code, `cannot connect to ${this.#path}: ${reason}`, cause));
  }

  #end(result: SendResult): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#news.over();
    for (const parcel of [...this.#waiting, ...this.#written.values()]) parcel?.settle(result);
    this.#waiting.clear();
    this.#written.clear();
    this.#socket?.destroy();
  }
}

function resultOf(verdict: Verdict): SendResult {
  switch (verdict.code) {
    case "taken":
      return { ok: true, effect: "delivers", ...(verdict.answer && { answer: verdict.answer }) };
    case "refused":
      return failure("REFUSED", `the peer refused the frame: ${verdict.reason}`);
    case "later":
      return failure("BUSY", `the peer cannot take the frame now: ${verdict.reason}`);
  }
}
