import type { Server } from "node:http";
import { WebSocket, WebSocketServer } from "ws";

/** The intents that a bot of ours may ask for: privileged ones are not switched on in its portal. */
const privileged = (1 << 1) | (1 << 8) | (1 << 15);

interface Session {
  readonly id: string;
  seq: number;
  readonly sent: { readonly s: number; readonly text: string }[];
  socket: WebSocket | undefined;
}

/** Discord's gateway, as documented for v10: sessions that can be resumed, heartbeats, and the ways to be sent off. */
export class Gateway {
  /** As Discord's own is: too long for any test to see one by itself. */
  heartbeatMs = 41_250;
  /** Whether heartbeats get no answer any more. */
  isDeaf = false;
  /** Whether connections are taken that then hear nothing at all. */
  isMute = false;
  onConnection: () => void = () => undefined;
  readonly heard: { readonly op: number; readonly d: unknown }[] = [];
  readonly sessions = new Map<string, Session>();
  readonly #server: WebSocketServer;
  readonly #token: string;
  readonly #user: object;
  readonly #looks = new Set<() => void>();
  #next = 0;

  constructor(server: Server, token: string, user: object) {
    this.#token = token;
    this.#user = user;
    this.#server = new WebSocketServer({ noServer: true });
    server.on("upgrade", (request, socket, head) => {
      this.#server.handleUpgrade(request, socket, head, (client) =>
        this.#greet(client, request.headers.host),
      );
    });
  }

  get sockets(): readonly WebSocket[] {
    return [...this.#server.clients];
  }

  count(op: number): number {
    return this.heard.filter((each) => each.op === op).length;
  }

  /** Resolves once `condition` holds; it is looked at whenever a client said something. */
  async until(condition: () => boolean): Promise<void> {
    if (condition()) return;
    await new Promise<void>((resolve) => {
      const look = () => {
        if (!condition()) return;
        this.#looks.delete(look);
        resolve();
      };
      this.#looks.add(look);
    });
  }

  /** Tells every session of an event, also those whose client is away. */
  dispatch(event: string, data: object): void {
    for (const session of this.sessions.values()) this.#tell(session, event, data);
  }

  /** Sends an opcode to everybody who is connected: 1 for a heartbeat, 7 to reconnect, 9 for an invalid session. */
  say(op: number, d: unknown = null): void {
    for (const socket of this.sockets) socket.send(JSON.stringify({ op, d, s: null, t: null }));
  }

  /** Closes every connection with a code; without one it is cut. */
  drop(code?: number): void {
    for (const socket of this.sockets) {
      if (code === undefined) socket.terminate();
      else socket.close(code);
    }
  }

  #greet(socket: WebSocket, host: string | undefined): void {
    this.onConnection();
    if (this.isMute) return;
    socket.on("message", (data: Buffer) => {
      const { op, d } = JSON.parse(String(data)) as { op: number; d: never };
      this.heard.push({ op, d });
      if (op === 1 && !this.isDeaf) socket.send(JSON.stringify({ op: 11 }));
      if (op === 2) this.#identify(socket, host, d);
      if (op === 6) this.#resume(socket, d);
      for (const look of this.#looks) look();
    });
    socket.send(JSON.stringify({ op: 10, d: { heartbeat_interval: this.heartbeatMs } }));
  }

  #identify(
    socket: WebSocket,
    host: string | undefined,
    { token, intents }: { token: string; intents: number },
  ): void {
    if (token !== this.#token) return socket.close(4004, "Authentication failed.");
    if ((intents & privileged) !== 0) return socket.close(4014, "Disallowed intent(s).");
    const id = `session-${this.#next++}`;
    const session: Session = { id, seq: 0, sent: [], socket };
    this.#hold(session, socket);
    this.#tell(session, "READY", {
      v: 10,
      user: this.#user,
      guilds: [{ id: "1100000000000000001", unavailable: true }],
      session_id: id,
      resume_gateway_url: `ws://${host}`,
      shard: [0, 1],
      application: { id: "1200000000000000001", flags: 0 },
    });
    this.sessions.set(id, session);
  }

  #resume(
    socket: WebSocket,
    { token, session_id: id, seq }: { token: string; session_id: string; seq: number },
  ): void {
    const session = this.sessions.get(id);
    if (token !== this.#token) return socket.close(4004, "Authentication failed.");
    if (session === undefined) return socket.send(JSON.stringify({ op: 9, d: false }));
    this.#hold(session, socket);
    for (const { s, text } of session.sent) if (s > seq) socket.send(text);
    this.#tell(session, "RESUMED", {});
  }

  #hold(session: Session, socket: WebSocket): void {
    session.socket = socket;
    socket.on("close", () => {
      if (session.socket === socket) session.socket = undefined;
    });
  }

  #tell(session: Session, t: string, d: object): void {
    const s = ++session.seq;
    const text = JSON.stringify({ op: 0, t, s, d });
    session.sent.push({ s, text });
    if (session.socket?.readyState === WebSocket.OPEN) session.socket.send(text);
  }
}
