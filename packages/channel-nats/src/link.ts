import {
  maxPacketBytes,
  type Board,
  type ChannelError,
  type ChannelHost,
  type Frame,
  type Link,
  type NodeId,
  type SendResult,
} from "@multifleet/core";
import { decodeVerdict, encodeVerdict, headBytes } from "@multifleet/core/stream";
import { KvBoard } from "./board.js";
import type { Connection, Msg } from "./client.js";
import { failed, failure } from "./failure.js";
import { Intake } from "./intake.js";
import type { Line } from "./line.js";
import { isReplySubject } from "./names.js";
import type { Requests } from "./requests.js";
import { Seat, type Service } from "./seat.js";

/** The open `nats` channel: each frame is a request to its receiver, which answers when it has dealt with it. */
export class NatsLink implements Link, Service {
  readonly addresses: readonly string[] = [];
  readonly board: Board;
  readonly seat: Seat;
  readonly #host: ChannelHost;
  readonly #line: Line;
  readonly #intake: Intake;
  readonly #board: KvBoard;
  #connection: Connection | undefined;
  #unsubscribe: () => void = () => undefined;
  #roundTripMs: number | undefined;

  constructor(line: Line, host: ChannelHost) {
    this.#host = host;
    this.#line = line;
    this.#intake = new Intake(host, line.settings.maxInboundBytes);
    this.seat = new Seat(line, host, this);
    this.#board = new KvBoard(this.seat, line, host);
    this.board = this.#board;
  }

  get closed(): Promise<ChannelError | undefined> {
    return this.seat.closed;
  }

  /** A subject needs no address. Whether anybody listens at it only a request can tell, and then it does at once. */
  reaches(to: NodeId): boolean {
    return !this.seat.isOver && to !== this.#host.node;
  }

  async send({ to, bytes }: Frame, { signal }: { readonly signal: AbortSignal }): Promise<SendResult> {
    if (bytes.length > maxPacketBytes)
      return failure("TOO_LARGE", `a frame has at most ${maxPacketBytes} bytes`);
    if (signal.aborted) return failure("ABORTED", "the send was aborted");
    if (this.seat.isOver) return failure("CLOSED", "the link is closed");
    const { requests } = this.seat;
    // The client would take it, and lose it without a word.
    if (requests === undefined) return failure("CLOSED", this.seat.reason);
    try {
      const verdict = await requests.ask(this.#line.names.inbox(to), bytes, {
        owner: this.seat,
        signal,
        timeoutMs: this.#line.settings.requestTimeoutMs,
        read: decodeVerdict,
      });
      if (verdict.code === "later") return failure("BUSY", `${to} says: ${verdict.reason}`);
      if (verdict.code === "refused") return failure("REFUSED", `${to} says: ${verdict.reason}`);
      return { ok: true, effect: "delivers", ...(verdict.answer && { answer: verdict.answer }) };
    } catch (thrown) {
      return failed(thrown);
    }
  }

  poke(): void {
    this.#line.wake();
    if (this.seat.requests === undefined) this.seat.begin();
  }

  status(): Readonly<Record<string, unknown>> {
    const { connection, reconnects } = this.#line;
    const info = connection?.info;
    return {
      connected: connection !== undefined,
      ...(connection === undefined ? { reason: this.seat.reason } : { server: connection.where }),
      ...(info?.server_name === undefined ? {} : { server_name: info.server_name }),
      ...(info?.version === undefined ? {} : { version: info.version }),
      ...(info?.cluster === undefined ? {} : { cluster: info.cluster }),
      ...(info === undefined ? {} : { cluster_urls: Math.max(1, info.connect_urls?.length ?? 0) }),
      ...(info?.max_payload === undefined ? {} : { max_payload: info.max_payload }),
      ...(this.#roundTripMs === undefined ? {} : { rtt_ms: this.#roundTripMs }),
      reconnects: Math.max(0, reconnects),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.seat.dispose();
  }

  async begin(connection: Connection, _: Requests): Promise<void> {
    this.#unsubscribe();
    this.#connection = connection;
    this.#unsubscribe = connection.subscribe(this.#line.names.inbox(), (message) => this.#take(message));
    const begun = performance.now();
    await connection.flush();
    this.#roundTripMs = Math.round((performance.now() - begun) * 100) / 100;
    this.#board.begin(connection);
  }

  lost(): void {
    this.#connection = undefined;
    this.#unsubscribe = () => undefined;
    this.#board.lost();
  }

  changed(): void {
    this.#board.changed();
  }

  /** Takes nothing more, and answers what is in hand; that done, the server knows that nobody is here. */
  async drain(): Promise<void> {
    this.#unsubscribe();
    this.#board.end();
    await this.#intake.settled();
    try {
      await this.#connection?.flush();
    } catch {
      // The connection ended, and so did all that was to be flushed.
      this.#host.count("flush_errors");
    }
  }

  #take({ data, reply }: Msg): void {
    this.#intake.take(data, (verdict) => {
      if (reply === undefined || reply === "") return;
      if (!isReplySubject(reply)) return this.#host.count("odd_reply_subjects");
      const connection = this.#line.connection;
      if (connection === undefined) return this.#host.count("dropped_answers");
      try {
        connection.publish(reply, encodeVerdict(0, verdict).subarray(headBytes));
      } catch {
        this.#host.count("dropped_answers");
      }
    });
  }
}
