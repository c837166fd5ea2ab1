import { connect, type Socket } from "node:net";
import { natsError, codeOf } from "./failure.js";
import { showServer, type Server } from "./server.js";

/** What a NATS server says of itself when it is connected to, and again when its cluster changes. */
export interface ServerInfo {
  readonly version?: string;
  readonly server_name?: string;
  readonly cluster?: string;
  readonly connect_urls?: readonly string[];
  readonly max_payload?: number;
  readonly jetstream?: boolean;
  readonly tls_required?: boolean;
  readonly tls_available?: boolean;
}

/** A server that answers. */
export interface Found {
  readonly server: Server;
  /** The address that answered, of those that its name has. */
  readonly address: string;
  /** Undefined where TLS comes before its first word. */
  readonly info: ServerInfo | undefined;
}

/** A server says less of itself than so many bytes. */
const maxInfoBytes = 256 * 1_024;

/**
 * Which of several servers answers first. All are asked at once: one that is gone, or hangs, costs no time. Nothing is left of it
 * when it ends; the NATS client would leave a socket behind for each server that accepts and says nothing.
 * @throws ChannelError `UNREACHABLE` when none answers in time, `ABORTED`.
 */
export async function findServer(
  servers: readonly Server[],
  {
    timeoutMs,
    saysNothing,
    signal,
  }: { readonly timeoutMs: number; readonly saysNothing: boolean; readonly signal: AbortSignal },
): Promise<Found> {
  const sockets: Socket[] = [];
  const reasons = new Map(servers.map((server) => [server, "no answer in time"]));
  let timer: NodeJS.Timeout | undefined;
  let abort: () => void = () => undefined;
  try {
    return await new Promise<Found>((resolve, reject) => {
      let left = servers.length;
      const fail = () => {
        const tried = [...reasons].map(([server, reason]) => `${showServer(server)}: ${reason}`);
        reject(natsError("UNREACHABLE", `no server answers (${tried.join("; ")})`));
      };
      abort = () => reject(natsError("ABORTED", "connecting was aborted"));
      timer = setTimeout(fail, timeoutMs);
      signal.addEventListener("abort", abort);
      if (signal.aborted) return abort();
      for (const server of servers) {
        const socket = connect({ host: server.host, port: server.port });
        sockets.push(socket);
        const found = (info: ServerInfo | undefined) =>
          resolve({ server, address: socket.remoteAddress ?? server.host, info });
        if (saysNothing) socket.on("connect", () => found(undefined));
        else onInfo(socket, found, (reason) => socket.destroy(new Error(reason)));
        socket.on("error", (error) => reasons.set(server, codeOf(error)));
        socket.on("close", () => {
          if (reasons.get(server) === "no answer in time") reasons.set(server, "hung up");
          if (--left === 0) fail();
        });
      }
    });
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", abort);
    for (const socket of sockets) {
      socket.removeAllListeners();
      // What a socket says after this is nobody's concern any more.
      socket.on("error", () => undefined);
      socket.destroy();
    }
  }
}

function onInfo(socket: Socket, found: (info: ServerInfo) => void, bad: (reason: string) => void): void {
  let read = "";
  socket.on("data", (chunk: Buffer) => {
    read += chunk.toString("latin1");
    const end = read.indexOf("\r\n");
    if (end < 0) return read.length > maxInfoBytes ? bad("no NATS server") : undefined;
    const info = parseInfo(read.slice(0, end));
    if (info === undefined) bad("no NATS server");
    else found(info);
  });
}

function parseInfo(line: string): ServerInfo | undefined {
  if (!line.startsWith("INFO ")) return undefined;
  try {
    const info: unknown = JSON.parse(line.slice("INFO ".length));
    return typeof info === "object" && info !== null ? info : undefined;
  } catch {
    // The caller says that it is no NATS server.
    return undefined;
  }
}
