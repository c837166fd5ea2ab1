import type { ChannelError } from "@multifleet/core";
import { fault } from "./failure.js";

/** How long a gateway may take to answer a connection, or to say goodbye, in ms. */
const handshakeMs = 10_000;
const goodbyeMs = 2_000;
/** discord.js waits for 500 ms before it connects again, and cannot be told not to. */
const reconnectMs = 1_000;

/** Close codes after which no connection will work until somebody changes something. */
const verdicts: Readonly<Record<number, ChannelError["code"]>> = {
  4004: "DENIED",
  4010: "INTERNAL",
  4011: "INTERNAL",
  4012: "INTERNAL",
  4013: "INTERNAL",
  4014: "DENIED",
};

/** What the gateway tells. */
export interface GatewayEvents {
  /** A new session: what was said before it will not be told. */
  ready(): void;
  /** A message in any channel that the bot sees. */
  message(message: unknown): void;
  up(): void;
  down(reason: string): void;
  /** It is over for good. */
  over(error: ChannelError): void;
  count(event: string): void;
}

/** The parts of discord.js' gateway manager that are used. */
export interface GatewayManager {
  readonly options: {
    handshakeTimeout: number | null;
    retrieveSessionInfo(shard: number): unknown;
  };
  on(event: string, listener: (payload: never) => void): unknown;
}

interface Socket {
  readonly readyState: number;
  on(event: "error" | "close", listener: () => void): unknown;
  terminate(): void;
}

/** Follows the connection to Discord's gateway that discord.js keeps, and sees to it that it can be ended at any time. */
export class Gateway {
  /** The bot's own id, once the first session is there. Rejects with a ChannelError when there will be none. */
  readonly session: Promise<string>;
  readonly #events: GatewayEvents;
  #sockets: () => Socket[] = () => [];
  #isUp = false;
  #isAsked = false;
  #isOver = false;
  #isEnded = false;
  #opened: (bot: string) => void = () => undefined;
  #failed: (error: ChannelError) => void = () => undefined;
  #calledOff: () => void = () => undefined;

  constructor(events: GatewayEvents) {
    this.#events = events;
    this.session = new Promise((resolve, reject) => {
      this.#opened = resolve;
      this.#failed = reject;
    });
    // Whoever waits for it hears of it; it may also fail when nobody waits any more.
    this.session.catch(() => undefined); // lint: catch-ok the one who awaits the session handles it
  }

  get isUp(): boolean {
    return this.#isUp;
  }

  /** @param strategy what holds the connections: discord.js has no public way to one that is still being made */
  adopt(manager: GatewayManager, strategy: object): void {
    this.#sockets = () => socketsOf(strategy);
    manager.options.handshakeTimeout = handshakeMs;
    const retrieve = manager.options.retrieveSessionInfo.bind(manager.options);
    // Asked before each connection. discord.js goes on connecting when it is destroyed between two connections: so it ends here.
    manager.options.retrieveSessionInfo = (shard) => {
      this.#isAsked = true;
      if (!this.#isEnded) return retrieve(shard);
      this.#calledOff();
      return new Promise(() => undefined);
    };
    let trouble: Error | undefined;
    manager.on("ready", ({ data }: { readonly data: { readonly user: { readonly id: string } } }) => {
      this.#opened(data.user.id);
      this.#up();
      if (!this.#isEnded) this.#events.ready();
    });
    manager.on("resumed", () => this.#up());
    manager.on("dispatch", ({ data }: { readonly data: { readonly t: string; readonly d: unknown } }) => {
      if (data.t === "MESSAGE_CREATE" && !this.#isEnded) this.#events.message(data.d);
    });
    manager.on("error", ({ error }: { readonly error: Error }) => {
      trouble = error;
      this.#events.count("gateway_errors");
    });
    manager.on("closed", ({ code }: { readonly code: number }) => this.#closed(code, trouble));
  }

  /** Gives up waiting for the first session. */
  fail(error: ChannelError): void {
    this.#failed(error);
  }

  /** Ends the connection in whatever state it is. @param destroy what discord.js offers for it */
  async close(destroy: () => Promise<void>): Promise<void> {
    const isBetween = this.#isAsked && !this.#isUp && !this.#isOver;
    const calledOff = new Promise<void>((resolve) => (this.#calledOff = resolve));
    this.#isEnded = true;
    this.#failed(fault("CLOSED", "the link was closed"));
    const sockets = this.#sockets();
    // discord.js leaves a connection open that is still being made, and waits for ever for one whose session is still being begun.
    if (isBetween) for (const socket of sockets) terminate(socket);
    const left = destroy().catch(() => this.#events.count("client_errors"));
    if (!isBetween && !(await within(goodbyeMs, left))) for (const socket of sockets) terminate(socket);
    await Promise.all(sockets.map(ended));
    if (isBetween) await within(reconnectMs, calledOff);
  }

  #up(): void {
    if (this.#isEnded || this.#isUp) return;
    this.#isUp = true;
    this.#events.up();
  }

  #closed(code: number, trouble: Error | undefined): void {
    if (this.#isEnded) return;
    const final = verdicts[code];
    if (final !== undefined) {
      this.#isOver = true;
      const error = fault(final, `the gateway ended the connection for good: ${meaningOf(code)}`, trouble);
      this.#failed(error);
      this.#events.over(error);
      return;
    }
    // Before the first session a lost connection means that there is no way to the gateway now.
    if (code === 1006)
      this.#failed(fault("UNREACHABLE", "the gateway cannot be reached, or dropped the connection", trouble));
    if (!this.#isUp) return;
    this.#isUp = false;
    this.#events.count("lost_connections");
    this.#events.down(`the gateway connection ended with code ${code}`);
  }
}

function meaningOf(code: number): string {
  if (code === 4004) return "4004, the token is not valid";
  if (code === 4014) return "4014, the bot may not have the intents it asks for";
  return `${code}, see Discord's table of gateway close codes`;
}

function terminate(socket: Socket): void {
  // One that is not connected yet says that it was closed: as an error, which must have a listener.
  socket.on("error", () => undefined);
  socket.terminate();
}

/** Resolves when a connection is closed. */
async function ended(socket: Socket): Promise<void> {
  if (socket.readyState !== 3) await new Promise<void>((resolve) => socket.on("close", resolve));
}

/** Reaches into discord.js 14's shards; where a later release has them elsewhere, none is found, and only a connection in the making is left to time out. */
function socketsOf(strategy: object): Socket[] {
  const shards: unknown = Reflect.get(strategy, "shards");
  if (!(shards instanceof Map)) return [];
  const connections = [...shards.values()].map((shard: object): unknown => Reflect.get(shard, "connection"));
  return connections.filter(
    (each): each is Socket => typeof (each as Socket | null)?.terminate === "function",
  );
}

/** Whether `promise` settles within `ms`. */
async function within(ms: number, promise: Promise<unknown>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<boolean>((resolve) => (timer = setTimeout(() => resolve(false), ms)));
  try {
    return await Promise.race([promise.then(() => true), late]);
  } finally {
    clearTimeout(timer);
  }
}
