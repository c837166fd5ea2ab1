import type { ChannelError, ChannelHost } from "@multifleet/core";
import type { Connection } from "./client.js";
import { asChannelError, natsError } from "./failure.js";
import type { Line, LineListener } from "./line.js";
import type { Requests } from "./requests.js";

/** What a link does with the line that it shares. */
export interface Service {
  /** Makes itself ready on a connection; called again for the same one after it failed. @throws ChannelError when it is not. */
  begin(connection: Connection, requests: Requests): Promise<void>;
  /** The connection ended. */
  lost(): void;
  /** The cluster changed. */
  changed(): void;
  /** Ends in good order what is in hand, while the connection is still there. */
  drain(): Promise<void>;
}

/** First and longest wait, in ms, before a service is begun again that could not for the moment. */
const firstWait = 250;
const longestWait = 5_000;
/** So often it is begun again where there is no way: a server that starts, or a leaf that connects, says so at first. */
const settling = 4;
/** How long an open may wait for the line and its service, in ms beyond the connection's own deadline. */
const patienceMs = 1_000;
/** How long what is in hand may take when the link is disposed, in ms. */
const drainMs = 2_000;

/** A link's seat on the line: whether it is up, what the host is told of that, and how it ends. */
export class Seat implements LineListener {
  readonly closed: Promise<ChannelError | undefined>;
  readonly line: Line;
  /** The requests to use; undefined while it is not up. */
  requests: Requests | undefined;
  /** Why it is not up. */
  reason = "not connected yet";
  readonly #host: ChannelHost;
  readonly #service: Service;
  #reported: "up" | "down" = "up";
  #isOpen = false;
  #disposal: Promise<void> | undefined;
  #beginning: Requests | undefined;
  #attempts = 0;
  #timer: NodeJS.Timeout | undefined;
  #settleClosed: (error: ChannelError | undefined) => void = () => undefined;
  #onFirst: (error?: ChannelError) => void = () => undefined;

  constructor(line: Line, host: ChannelHost, service: Service) {
    this.line = line;
    this.#host = host;
    this.#service = service;
    this.closed = new Promise((resolve) => (this.#settleClosed = resolve));
  }

  get isOver(): boolean {
    return this.#disposal !== undefined;
  }

  /**
   * Takes the seat. Resolves once it is up, or known not to be for the moment: the line goes on trying, and a daemon's start does not wait for
   * a server that is away.
   * @throws ChannelError `DENIED`, `MISCONFIGURED`, `ABORTED`; nothing is left open then.
   */
  async open(signal: AbortSignal): Promise<void> {
    let abort: () => void = () => undefined;
    let timer: NodeJS.Timeout | undefined;
    const error = await new Promise<ChannelError | undefined>((resolve) => {
      this.#onFirst = resolve;
      abort = () => resolve(natsError("ABORTED", "opening was aborted"));
      timer = setTimeout(() => resolve(undefined), this.line.settings.connectTimeoutMs + patienceMs);
      signal.addEventListener("abort", abort);
      if (signal.aborted) abort();
      else this.line.join(this);
    });
    clearTimeout(timer);
    signal.removeEventListener("abort", abort);
    if (error !== undefined) {
      await this.dispose();
      throw error;
    }
    // The daemon knows nothing of the link before it has it.
    setImmediate(() => {
      this.#isOpen = true;
      this.#tell();
    });
  }

  connected(): void {
    this.#attempts = 0;
    this.begin();
  }

  /** Begins the service, unless it is being begun. */
  begin(): void {
    clearTimeout(this.#timer);
    const { connection, requests } = this.line;
    if (connection === undefined || requests === undefined || this.isOver) return;
    if (this.#beginning === requests) return;
    this.#beginning = requests;
    void this.#begin(connection, requests);
  }

  /** The service does not work any more, though the connection does. */
  fail(error: ChannelError): void {
    this.requests = undefined;
    this.#down(error.message);
  }

  lost(reason: string): void {
    clearTimeout(this.#timer);
    this.#beginning = undefined;
    this.requests = undefined;
    this.#service.lost();
    this.#down(reason);
  }

  over(error: ChannelError): void {
    this.#onFirst(error);
    void this.dispose(error);
  }

  changed(): void {
    if (this.requests === undefined) this.begin();
    else this.#service.changed();
  }

  denied(operation: string, subject: string): void {
    this.#host.count("denied_subjects");
    this.reason = `this login may not ${operation === "publish" ? "publish" : "subscribe"} to ${subject}`;
  }

  count(event: string): void {
    this.#host.count(event);
  }

  dispose(error?: ChannelError): Promise<void> {
    this.#disposal ??= this.#end(error);
    return this.#disposal;
  }

  async #begin(connection: Connection, requests: Requests): Promise<void> {
    try {
      await this.#service.begin(connection, requests);
    } catch (thrown) {
      this.#host.count("begin_errors");
      if (this.#beginning !== requests || this.isOver) return;
      this.#beginning = undefined;
      const error = asChannelError(thrown);
      this.fail(error);
      // These are not over by themselves: they are tried again when the cluster changes, at the next connection, and when poked.
      const isLasting = error.code === "DENIED" || error.code === "MISCONFIGURED";
      if (!isLasting || this.#attempts < settling) this.#beginLater();
      return;
    }
    if (this.#beginning !== requests || this.isOver) return;
    this.#beginning = undefined;
    this.#attempts = 0;
    this.requests = requests;
    this.reason = "";
    this.#onFirst();
    this.#tell();
  }

  #beginLater(): void {
    const most = Math.min(firstWait * 2 ** this.#attempts, longestWait);
    this.#attempts += 1;
    this.#timer = setTimeout(() => this.begin(), most * (0.5 + Math.random() / 2));
  }

  #down(reason: string): void {
    this.reason = reason.replace(/^nats: /, "");
    this.#onFirst();
    this.#tell();
  }

  /** Tells the host, if it is news. */
  #tell(): void {
    const state = this.requests === undefined ? "down" : "up";
    if (!this.#isOpen || this.isOver || state === this.#reported) return;
    this.#reported = state;
    const reason = state === "up" ? `connected to ${this.line.connection?.where}` : this.reason;
    this.#host.report({ state, reason });
  }

  async #end(error: ChannelError | undefined): Promise<void> {
    clearTimeout(this.#timer);
    this.line.requests?.endOf(this, "the link is closed");
    this.requests = undefined;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => (timer = setTimeout(resolve, drainMs)));
    await Promise.race([this.#service.drain(), late]);
    clearTimeout(timer);
    await this.line.leave(this);
    this.#settleClosed(error);
  }
}
