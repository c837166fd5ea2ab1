import type { ChannelError, ChannelHost, MediumEvent, SendResult } from "@multifleet/core";
import { Bell } from "./bell.js";
import { connector } from "./connect.js";
import { channelError } from "./failure.js";
import { Incoming } from "./incoming.js";
import type { Settings } from "./options.js";
import { Outgoing } from "./outgoing.js";
import type { Remote } from "./remote.js";
import type { Covered, Spool } from "./spool.js";

/** Failures that say something of the remote, and not of what was asked of it. */
const isDown = (failure: ChannelError) => ["UNREACHABLE", "TIMEOUT"].includes(failure.code);

/** One remote in use: what goes to it, what comes from it, and how it is. */
export class Post {
  readonly remote: Remote;
  readonly #incoming: Incoming;
  readonly #outgoing: Outgoing;
  readonly #bell: Bell | undefined;
  readonly #report: (event: Pick<MediumEvent, "state" | "reason">) => void;
  #state: MediumEvent["state"] | undefined;
  #reason = "";
  #isClosed = false;

  constructor(
    remote: Remote,
    host: ChannelHost,
    spool: Spool,
    { cover, timeoutMs, maxInboundBytes, ssh }: Settings,
    report: (event: Pick<MediumEvent, "state" | "reason">) => void,
  ) {
    this.remote = remote;
    this.#report = report;
    const connect = connector(remote, { directory: spool.directory, ssh });
    const tell = (failure: ChannelError | undefined) => this.#tell(failure);
    const count = (event: string) => host.count(event);
    const where = remote.shown;
    this.#outgoing = new Outgoing({ node: host.node, spool, where, timeoutMs, connect, count, tell });
    this.#incoming = new Incoming({ host, cover, timeoutMs, maxInboundBytes, connect, tell });
    if (remote.kind !== "path") return;
    this.#bell = new Bell(remote.path, host.node, {
      ring: () => this.#incoming.ring(),
      present: (isPresent) =>
        tell(isPresent ? undefined : channelError("UNREACHABLE", `${where}: no repository is there`)),
      count,
    });
  }

  /** Begins to listen where that is possible, and reads what waits. */
  async start(): Promise<void> {
    await this.#bell?.start();
    this.#incoming.ring();
  }

  send(frame: Covered, signal: AbortSignal): Promise<SendResult> {
    return this.#outgoing.send(frame, signal);
  }

  poke(): void {
    this.#incoming.ring(true);
  }

  status(): Readonly<Record<string, unknown>> {
    const reason = this.#reason === "" ? {} : { reason: this.#reason };
    return {
      remote: this.remote.shown,
      state: this.#state ?? "unknown",
      ...reason,
      sending: this.#outgoing.pending,
    };
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.all([this.#bell?.close(), this.#outgoing.close(), this.#incoming.close()]);
  }

  #tell(failure: ChannelError | undefined): void {
    if (this.#isClosed || (failure !== undefined && !isDown(failure))) return;
    const state = failure === undefined ? "up" : "down";
    this.#reason = failure?.message ?? "";
    if (this.#state === state) return;
    // That it is there at the start is no news.
    const isNews = this.#state !== undefined || state === "down";
    this.#state = state;
    if (isNews) this.#report({ state, reason: failure?.message ?? `${this.remote.shown} is there` });
  }
}
