import type { Client, ClientChannel, SFTPWrapper } from "ssh2";
import type { ChannelError } from "@multifleet/core";
import { dial, type Hop } from "./dial.js";
import { connectionError, said, sshError } from "./failure.js";
import { Gate } from "./gate.js";
import type { Hint } from "./hint.js";
import type { Settings } from "./options.js";
import { called, unlessAborted } from "./until.js";

/** What a connection tells whoever keeps it. */
export interface ConnectionNews {
  /** It stood, and ended without having been told to. */
  lost(reason: string): void;
  /** It is over, however that came about: make another for the next frame. */
  over(): void;
}

/** The one kept connection to a peer. It is made at once, serves many, and ends when it has carried nothing for a while. */
export class Connection {
  /** Resolves when it stands. @throws ChannelError where it cannot be had */
  readonly ready: Promise<Client>;
  /** Resolves when nothing of it is left. */
  readonly gone: Promise<void>;
  readonly #settings: Settings;
  readonly #news: ConnectionNews;
  readonly #hops: Hop[] = [];
  readonly #ending = new AbortController();
  readonly #channels: Gate;
  /** Session channels: those that a server's MaxSessions is about. */
  readonly #sessions: Gate;
  #sftp: Promise<SFTPWrapper> | undefined;
  #loginDirectory: Promise<string> | undefined;
  #users = 0;
  #idle: NodeJS.Timeout | undefined;
  #isOver = false;
  #settleGone: () => void = () => undefined;

  constructor(hint: Hint, settings: Settings, news: ConnectionNews) {
    this.#settings = settings;
    this.#news = news;
    this.#channels = new Gate(settings.maxChannels);
    this.#sessions = new Gate(settings.maxChannels);
    this.gone = new Promise((resolve) => (this.#settleGone = resolve));
    this.ready = this.#connect(hint);
    void this.#endWhereNotReady();
  }

  /** How many channels it carries now. */
  get channels(): number {
    return this.#channels.inside;
  }

  /** Runs `work`, during which the connection is not idle. */
  async use<Value>(work: () => Promise<Value>): Promise<Value> {
    this.#users += 1;
    clearTimeout(this.#idle);
    try {
      return await work();
    } finally {
      this.#users -= 1;
      if (this.#users === 0) this.#rest();
    }
  }

  /** A channel to a unix socket there. Undefined where the server opens none: nobody listens, or it forbids it; it does not say which. */
  async socket(path: string, signal: AbortSignal): Promise<ClientChannel | undefined> {
    const client = await unlessAborted(signal, this.ready);
    await this.#channels.enter(signal);
    try {
      const opening = called<ClientChannel>((done) => client.openssh_forwardOutStreamLocal(path, done));
      return this.#leaving(await unlessAborted(signal, opening, (late) => late.destroy()), [this.#channels]);
    } catch (error) {
      this.#channels.leave();
      if (isChannelRefusal(error)) return undefined;
      throw this.#explained(error, signal);
    }
  }

  /** A program there, started by the login shell. @throws ChannelError `BUSY` where the server allows no further session */
  async program(command: string, signal: AbortSignal): Promise<ClientChannel> {
    return await this.#session(signal, (client) =>
      called<ClientChannel>((done) => client.exec(command, done)),
    );
  }

  /** The one SFTP session, opened when it is first asked for. */
  async sftp(signal: AbortSignal): Promise<SFTPWrapper> {
    this.#sftp ??= this.#openSftp();
    return await unlessAborted(signal, this.#sftp);
  }

  /** Where the user is after logging in, without links. */
  async loginDirectory(signal: AbortSignal): Promise<string> {
    const sftp = await this.sftp(signal);
    this.#loginDirectory ??= called<string>((done) => sftp.realpath(".", done));
    return await unlessAborted(signal, this.#loginDirectory);
  }

  /** Ends it, and whatever it carries. */
  async close(): Promise<void> {
    this.#end();
    await this.gone;
  }

  /** Ends it as soon as it carries nothing. */
  retire(): void {
    if (this.#users === 0) this.#end();
    else this.#rest = () => this.#end();
  }

  /** Who waits for it is told why; it may be nobody by then. */
  async #endWhereNotReady(): Promise<void> {
    const [made] = await Promise.allSettled([this.ready]);
    if (made.status === "rejected") this.#end();
  }

  async #connect(hint: Hint): Promise<Client> {
    const { connectTimeoutMs } = this.#settings;
    let why: ChannelError | undefined;
    const timer = setTimeout(() => {
      why = sshError("TIMEOUT", `${hint.host} was not reached within ${connectTimeoutMs} ms`);
      this.#ending.abort();
    }, connectTimeoutMs);
    try {
      const client = await dial(hint, this.#settings, this.#hops, this.#ending.signal);
      client.on("error", (error) => this.#lose(said(error)));
      client.on("close", () => this.#lose("the server ended it"));
      if (this.#users === 0) this.#rest();
      return client;
    } catch (error) {
      throw why ?? connectionError(error, hint.host);
    } finally {
      clearTimeout(timer);
    }
  }

  async #openSftp(): Promise<SFTPWrapper> {
    const { signal } = this.#ending;
    try {
      const sftp = await this.#session(signal, (client) => called<SFTPWrapper>((done) => client.sftp(done)));
      // The library has no word for an SFTP session that breaks; its requests in flight fail.
      sftp.on("error", () => sftp.end());
      sftp.on("close", () => {
        this.#sftp = undefined;
        this.#loginDirectory = undefined;
      });
      return sftp;
    } catch (error) {
      this.#sftp = undefined;
      throw error;
    }
  }

  /** Opens a session channel. Where the server has as many as it allows, it waits until one of ours ends: the server told its limit. */
  async #session<Session extends ClientChannel | SFTPWrapper>(
    signal: AbortSignal,
    open: (client: Client) => Promise<Session>,
  ): Promise<Session> {
    const client = await unlessAborted(signal, this.ready);
    await this.#channels.enter(signal);
    try {
      for (;;) {
        await this.#sessions.enter(signal);
        // The SFTP session stays: to wait for its end would be to wait for ever.
        const others = this.#sessions.inside - 1 - (this.#sftp === undefined ? 0 : 1);
        try {
          const session = await unlessAborted(signal, open(client), (late) => late.end());
          return this.#leaving(session, [this.#channels, this.#sessions]);
        } catch (error) {
          if (!isChannelRefusal(error) || others <= 0) {
            this.#sessions.leave();
            throw error;
          }
          this.#sessions.narrow(this.#sessions.inside - 1);
          this.#sessions.leave();
        }
      }
    } catch (error) {
      this.#channels.leave();
      if (isChannelRefusal(error))
        throw sshError("BUSY", `the server opens no session: ${said(error)}`, error);
      throw this.#explained(error, signal);
    }
  }

  #leaving<Session extends ClientChannel | SFTPWrapper>(session: Session, gates: readonly Gate[]): Session {
    (session as ClientChannel).once("close", () => {
      for (const gate of gates) gate.leave();
    });
    return session;
  }

  #explained(error: unknown, signal: AbortSignal): ChannelError {
    if (error === signal.reason) return error as ChannelError;
    return this.#isOver
      ? sshError("CLOSED", "the connection ended", error)
      : connectionError(error, "channel");
  }

  #rest = (): void => {
    clearTimeout(this.#idle);
    if (!this.#isOver) this.#idle = setTimeout(() => this.#end(), this.#settings.idleMs);
  };

  #lose(reason: string): void {
    if (this.#isOver) return;
    this.#news.lost(reason);
    this.#end();
  }

  #end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    clearTimeout(this.#idle);
    this.#ending.abort(sshError("CLOSED", "the connection was closed"));
    this.#news.over();
    // Lastly those nearest to us, which carry the others.
    for (const { client } of this.#hops.toReversed()) client.destroy();
    void Promise.all(this.#hops.map(({ gone }) => gone)).then(() => this.#settleGone());
  }
}

/** Whether the server refused a channel, and not the connection. */
function isChannelRefusal(error: unknown): boolean {
  return error instanceof Error && "reason" in error && typeof error.reason === "number";
}
