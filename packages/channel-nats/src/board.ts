import { randomBytes } from "node:crypto";
import type { Board, ChannelHost } from "@multifleet/core";
import { Api, parseObject, refusalIn } from "./api.js";
import type { Connection, Msg } from "./client.js";
import { asChannelError, messageOf, natsError } from "./failure.js";
import { Growth } from "./growth.js";
import type { Line } from "./line.js";
import { bucketName } from "./names.js";
import type { Requests } from "./requests.js";
import type { Seat } from "./seat.js";
import { bucketPlan, ensureStream, removed, replicasFor, type StreamState } from "./stream.js";

type Listener = (key: string, value: Uint8Array | undefined) => void;

const subjects = `$KV.${bucketName}`;
const plan = bucketPlan(`${subjects}.node`);
/** A row may have so many bytes, and this node may write so many rows. */
const maxRowBytes = 65_536;
const maxOwnRows = 64;
/** How long the server may take to store a row, in ms. */
const putMs = 1_500;

/**
 * The fleet's table: the KV bucket `fleet_roster`. Rows are read once when a connection begins, and from then on as they are published: that
 * takes no consumer on the server for each node, and is back the moment the connection is.
 */
export class KvBoard implements Board {
  readonly #seat: Seat;
  readonly #line: Line;
  readonly #host: ChannelHost;
  readonly #listeners = new Set<Listener>();
  /** What this node wrote, to write it again where the bucket vanished. */
  readonly #own = new Map<string, Uint8Array>();
  #state: StreamState | undefined;
  #growth: Growth | undefined;
  /** The requests of the connection over which the bucket was found, or made. */
  #ensured: Requests | undefined;
  #restoring: Promise<void> | undefined;
  #ends: (() => void)[] = [];
  /** Rows that were published since the reading began: what is read of them is older. */
  #fresh: Set<string> | undefined;

  constructor(seat: Seat, line: Line, host: ChannelHost) {
    this.#seat = seat;
    this.#line = line;
    this.#host = host;
  }

  async put(key: string, value: Uint8Array, { signal }: { readonly signal: AbortSignal }): Promise<void> {
    if (!isKey(key)) throw new TypeError(`${JSON.stringify(key)} is no key`);
    if (value.length > maxRowBytes) throw natsError("TOO_LARGE", `a row has at most ${maxRowBytes} bytes`);
    if (this.#own.has(key) || this.#own.size < maxOwnRows) this.#own.set(key, value.slice());
    const { requests } = this.#seat;
    if (requests === undefined) throw natsError("CLOSED", this.#seat.reason);
    // Where there is no bucket nobody would say so: who watches the rows listens at their subjects too.
    await this.#restoring;
    if (this.#ensured !== requests) await this.#ensure(requests);
    try {
      await this.#store(requests, key, value, signal);
    } catch (thrown) {
      this.#ensured = undefined;
      if (asChannelError(thrown).code !== "TIMEOUT") throw thrown;
      // A bucket that another node is making just now is there before it takes anything. Written twice, a row is the same row.
      await this.#ensure(requests);
      await this.#store(requests, key, value, signal);
    }
  }

  watch(listener: Listener): () => void {
    this.#listeners.add(listener);
    const { connection } = this.#line;
    // Who joins later is told all that is there, and so are the others, once more.
    if (connection !== undefined && this.#seat.requests !== undefined) this.begin(connection);
    return () => {
      this.#listeners.delete(listener);
      if (this.#listeners.size === 0) this.end();
    };
  }

  /** Reads and follows the table over a new connection, if anybody watches it. */
  begin(connection: Connection): void {
    this.end();
    const { requests } = this.#line;
    if (requests === undefined || (this.#listeners.size === 0 && this.#own.size === 0)) return;
    void this.#follow(connection, requests);
  }

  lost(): void {
    this.#growth?.stop();
    this.#ends = [];
  }

  changed(): void {
    this.#growth?.start(this.#state);
  }

  end(): void {
    this.#growth?.stop();
    for (const end of this.#ends) end();
    this.#ends = [];
  }

  /** Never rejects. */
  async #follow(connection: Connection, requests: Requests): Promise<void> {
    const fresh = new Set<string>();
    this.#fresh = fresh;
    this.#ends.push(
      connection.subscribe(`${subjects}.>`, (message) => this.#tell(message, false)),
      connection.subscribe(`$JS.EVENT.ADVISORY.STREAM.DELETED.KV_${bucketName}`, () => {
        this.#host.count("vanished_buckets");
        this.#restoring = this.#restore(requests);
      }),
    );
    try {
      await this.#ensure(requests);
      if (this.#line.connection !== connection) return;
      await this.#read(connection, requests);
    } catch {
      this.#host.count("board_errors");
    }
  }

  /** Makes the bucket where it is not, and writes this node's rows again where it is another than before. */
  async #ensure(requests: Requests): Promise<void> {
    const api = new Api(requests, this.#seat, this.#line.settings.domain);
    const { connection, settings } = this.#line;
    const before = this.#state;
    let state: StreamState;
    try {
      state = await ensureStream(api, plan, replicasFor(connection?.info, settings.replicas));
    } catch (thrown) {
      const error = asChannelError(thrown);
      if (error.code !== "UNREACHABLE") throw error;
      throw natsError("UNREACHABLE", `there is no JetStream for the table: ${messageOf(error)}`, error);
    }
    this.#state = state;
    this.#ensured = requests;
    this.#growth?.stop();
    this.#growth = new Growth(api, this.#line, this.#host, (grown) => (this.#state = grown ?? this.#state));
    this.#growth.start(state);
    if (before === undefined || before.created === state.created) return;
    for (const [key, value] of this.#own) await this.#store(requests, key, value);
  }

  /** Never rejects. */
  async #restore(requests: Requests): Promise<void> {
    this.#ensured = undefined;
    await removed();
    if (this.#line.requests !== requests || this.#seat.isOver) return;
    try {
      await this.#ensure(requests);
    } catch {
      this.#host.count("board_errors");
    }
  }

  async #store(requests: Requests, key: string, value: Uint8Array, signal?: AbortSignal): Promise<void> {
    const { domain } = this.#line.settings;
    // A leaf lets rows of another domain through in its name alone.
    const prefix = domain === undefined ? "" : `$JS.${domain}.API.`;
    const answer = await requests.ask(`${prefix}${subjects}.${key}`, value, {
      owner: this.#seat,
      signal,
      timeoutMs: putMs,
      read: parseObject,
    });
    const refusal = refusalIn(answer);
    if (refusal !== undefined) throw natsError("BUSY", refusal.message, refusal);
  }

  /** Has the server send the last of each row, by a consumer that goes when it is done. */
  async #read(connection: Connection, requests: Requests): Promise<void> {
    const api = new Api(requests, this.#seat, this.#line.settings.domain);
    const subject = `${this.#line.names.rows}.${randomBytes(12).toString("hex")}`;
    const end = connection.subscribe(subject, (message) => {
      this.#tell(message, true);
      // $JS.ACK....<pending>: the last one says that none is left. What is published in another domain comes by this way alone.
      if (this.#line.settings.domain === undefined && /\.0(?:\.[^.]*)?$/.test(message.reply ?? "")) end();
    });
    this.#ends.push(end);
    await api.call(`CONSUMER.CREATE.KV_${bucketName}`, {
      stream_name: `KV_${bucketName}`,
      config: {
        deliver_subject: subject,
        deliver_policy: "last_per_subject",
        filter_subject: `${subjects}.>`,
        ack_policy: "none",
        replay_policy: "instant",
        inactive_threshold: 1_000_000_000,
        mem_storage: true,
      },
    });
  }

  #tell(message: Msg, isRead: boolean): void {
    const key = message.subject.slice(subjects.length + 1);
    if (!isKey(key) || message.data.length > maxRowBytes) return this.#host.count("odd_rows");
    if (isRead && this.#fresh?.has(key) === true) return;
    if (!isRead) this.#fresh?.add(key);
    const value = isRemoval(message) ? undefined : message.data.slice();
    for (const listener of this.#listeners) listener(key, value);
  }
}

/** A row's name, as KV has them, and not endless. */
function isKey(key: string): boolean {
  return /^[\w=/-][\w=/.-]{0,127}$/.test(key) && !/\.\.|\.$/.test(key);
}

function isRemoval(message: Msg): boolean {
  try {
    return /^(DEL|PURGE)$/.test(message.headers?.get("KV-Operation") ?? "");
  } catch {
    // Headers that cannot be read say nothing of a removal.
    return false;
  }
}
