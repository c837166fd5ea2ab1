import type { Socket } from "node:net";
import { maxPacketBytes, type ChannelHost, type Verdict } from "@multifleet/core";
import { Decoder, encodeVerdict } from "@multifleet/core/stream";

/** A connection with more than this in the daemon's hands is not read from, in frames and in bytes. */
const maxFramesInHand = 1_024;
const maxBytesInHand = 4 * 1_024 * 1_024;
/** A connection that leaves more answers than this unread is not read from, in bytes. */
const maxUnreadBytes = 256 * 1_024;

/** What a connection asks of the door that it came in by. */
export interface Rooms {
  readonly host: ChannelHost;
  /** How long a frame may take to arrive once it has begun, in ms. */
  readonly frameTimeoutMs: number;
  /** Takes a frame of this size in hand, if there is room for it; `release` it then. */
  hold(bytes: number): boolean;
  release(bytes: number): void;
  /** The half frame of a connection takes this much memory now, in bytes; `isNew` when it has just begun. */
  store(guest: Guest, bytes: number, isNew: boolean): void;
  /** The connection has brought a genuine frame. */
  trust(guest: Guest): void;
  /** The connection is gone. */
  leave(guest: Guest): void;
}

/** A connection that a peer made to us: frames come in, answers go back. */
export class Guest {
  readonly #socket: Socket;
  readonly #rooms: Rooms;
  readonly #decoder: Decoder;
  #answers: Buffer[] = [];
  #deadline: NodeJS.Timeout | undefined;
  /** Frames of this connection so far, and those in hand. */
  #seen = 0;
  #framesInHand = 0;
  #bytesInHand = 0;
  #isLeaving = false;

  constructor(socket: Socket, rooms: Rooms) {
    this.#socket = socket;
    this.#rooms = rooms;
    this.#decoder = new Decoder(maxPacketBytes, (id, frame) => {
      this.#take(id, frame).catch(() => this.evict("receive_errors"));
    });
    socket.on("data", (chunk) => this.#read(chunk));
    socket.on("drain", () => this.#steer());
    socket.on("error", () => {
      if (!this.#isLeaving) rooms.host.count("connection_errors");
    });
    socket.on("close", () => {
      clearTimeout(this.#deadline);
      if (this.#decoder.isPartial && !this.#isLeaving) rooms.host.count("cut_off_frames");
      this.#isLeaving = true;
      rooms.leave(this);
    });
  }

  /** Ends the connection for what it did. */
  evict(event: string): void {
    if (this.#isLeaving) return;
    this.#isLeaving = true;
    this.#rooms.host.count(event);
    this.#socket.destroy();
  }

  /** Reads no further frame, and ends the connection once those in hand are answered. */
  dismiss(): void {
    this.#isLeaving = true;
    this.#socket.pause();
    if (this.#framesInHand > 0) return;
    this.#flush();
    this.#socket.destroySoon();
  }

  /** Ends the connection. */
  destroy(): void {
    this.#socket.destroy();
  }

  #read(chunk: Buffer): void {
    if (this.#isLeaving) return;
    const before = this.#decoder.isPartial ? this.#seen : undefined;
    if (!this.#decoder.push(chunk)) return this.evict("malformed_frames");
    const { isPartial, held } = this.#decoder;
    if (isPartial && this.#seen === before) return this.#rooms.store(this, held, false);
    clearTimeout(this.#deadline);
    this.#rooms.store(this, held, true);
    if (isPartial) this.#deadline = setTimeout(() => this.evict("slow_frames"), this.#rooms.frameTimeoutMs);
  }

  async #take(id: number, frame: Buffer): Promise<void> {
    this.#seen += 1;
    const { host } = this.#rooms;
    if (!this.#rooms.hold(frame.length)) {
      host.count("busy_answers");
      return this.#answer(id, { code: "later", reason: "too much is in hand" });
    }
    const verdict = await this.#judge(frame);
    if (verdict.code !== "refused") this.#rooms.trust(this);
    this.#answer(id, verdict);
  }

  async #judge(frame: Buffer): Promise<Verdict> {
    this.#framesInHand += 1;
    this.#bytesInHand += frame.length;
    this.#steer();
    try {
      return await this.#rooms.host.receive(frame);
    } finally {
      this.#framesInHand -= 1;
      this.#bytesInHand -= frame.length;
      this.#rooms.release(frame.length);
    }
  }

  #answer(id: number, verdict: Verdict): void {
    this.#answers.push(encodeVerdict(id, verdict));
    // As for frames: all that is ready in one tick goes together, and nothing waits for the next.
    if (this.#answers.length === 1) queueMicrotask(() => process.nextTick(() => this.#flush()));
  }

  #flush(): void {
    const answers = this.#answers;
    this.#answers = [];
    if (this.#socket.writable) this.#socket.write(Buffer.concat(answers));
    else for (const _ of answers) this.#rooms.host.count("dropped_answers");
    if (this.#isLeaving && this.#framesInHand === 0) this.#socket.destroySoon();
    else this.#steer();
  }

  /** Reads on or stops reading, by how much is in hand and how much of the answers is unread. */
  #steer(): void {
    if (this.#isLeaving) return;
    const isFull =
      this.#framesInHand >= maxFramesInHand ||
      this.#bytesInHand >= maxBytesInHand ||
      this.#socket.writableLength > maxUnreadBytes;
    if (isFull) this.#socket.pause();
    else if (this.#socket.isPaused()) this.#socket.resume();
  }
}
