import { isIP } from "node:net";
import { checkServerIdentity, type PeerCertificate } from "node:tls";
import type { Authenticator, ConnectionOptions, Msg, NatsConnection } from "nats";
import { failureToConnect, natsError } from "./failure.js";
import { readLogin, readTls } from "./login.js";
import type { Login, Settings } from "./options.js";
import type { Found, ServerInfo } from "./probe.js";
import { showServer } from "./server.js";

export type { Msg } from "nats";

type Library = typeof import("nats");

/** How a message is published. */
export interface Posting {
  readonly reply?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** What the server said of its own accord. */
export interface Remarks {
  /** Servers came to its cluster, or went. */
  cluster(): void;
  /** This user may not publish or subscribe to a subject. */
  denied(operation: string, subject: string): void;
}

/**
 * A connection to one server. When it ends it stays ended: what is published while there is no server would be lost without a word,
 * and the client's own reconnecting cannot be woken.
 */
export interface Connection {
  /** Undefined once it has ended. */
  readonly info: ServerInfo | undefined;
  /** Where it leads, for people. */
  readonly where: string;
  /** Settles at once when the server hung up, or was found to hang. */
  readonly ended: Promise<string>;
  publish(subject: string, bytes: Uint8Array, posting?: Posting): void;
  /** @returns What ends it. */
  subscribe(subject: string, listener: (message: Msg) => void): () => void;
  /** Resolves once the server has read all that was published and subscribed. @throws when it never will. */
  flush(): Promise<void>;
  close(): Promise<void>;
}

/**
 * Connects to a server that was found to answer.
 * @throws ChannelError `MISCONFIGURED`, `DENIED` or `UNREACHABLE`.
 */
export async function connect(
  found: Found,
  settings: Settings,
  name: string,
  remarks: Remarks,
): Promise<Connection> {
  const library = await import("nats");
  const where = showServer(found.server);
  const options: ConnectionOptions = {
    ...loginOptions(library, await readLogin(settings)),
    ...(await tlsOptions(found, settings)),
    servers: [showServer({ host: found.address, port: found.server.port })],
    name,
    reconnect: false,
    resolve: false,
    ignoreClusterUpdates: false,
    noAsyncTraces: true,
    timeout: settings.connectTimeoutMs,
    pingInterval: settings.pingIntervalMs,
    maxPingOut: 2,
  };
  let connection: NatsConnection;
  try {
    connection = await library.connect(options);
  } catch (error) {
    throw failureToConnect(error, where);
  }
  return wrap(library, connection, where, remarks);
}

function wrap(library: Library, connection: NatsConnection, where: string, remarks: Remarks): Connection {
  // The client forgets this once it has ended.
  const ended = watch(connection, remarks);
  return {
    get info() {
      return connection.info as ServerInfo | undefined;
    },
    where,
    ended,
    publish(subject, bytes, { reply, headers } = {}) {
      const made = headers === undefined ? undefined : library.headers();
      for (const [key, value] of Object.entries(headers ?? {})) made?.set(key, value);
      connection.publish(subject, bytes, {
        ...(reply === undefined ? {} : { reply }),
        ...(made === undefined ? {} : { headers: made }),
      });
    },
    subscribe(subject, listener) {
      const subscription = connection.subscribe(subject, {
        // An error here is a refusal, which `denied` is told of.
        callback: (error, message) => (error === null ? listener(message) : undefined),
      });
      return () => subscription.unsubscribe();
    },
    // The client forgets who waits for a connection that has ended.
    flush: () =>
      Promise.race([
        connection.flush(),
        ended.then((reason) => Promise.reject(natsError("CLOSED", `${where}: ${reason}`))),
      ]),
    close: () => connection.close(),
  };
}

/** Follows what the client says of its connection until it is over, and why it is. */
async function watch(connection: NatsConnection, remarks: Remarks): Promise<string> {
  for await (const status of connection.status()) {
    const type: string = status.type;
    if (type === "disconnect") return "the server hung up";
    if (type === "staleConnection") return "the server answers no pings";
    if (type === "update") remarks.cluster();
    const context = status.permissionContext;
    if (type === "error" && context !== undefined) remarks.denied(context.operation, context.subject);
  }
  return "the connection was closed";
}

/** @throws ChannelError `MISCONFIGURED` for a seed or credentials that are none. */
function loginOptions(library: Library, login: Login): ConnectionOptions {
  const encode = (text: string) => new TextEncoder().encode(text);
  if (login.token !== undefined) return { token: login.token };
  if (login.user !== undefined) return { user: login.user, pass: login.pass ?? "" };
  if (login.nkey !== undefined)
    return tried("nkey", "a user's seed", library.nkeyAuthenticator(encode(login.nkey)));
  if (login.creds !== undefined)
    return tried("creds", "a credentials file", library.credsAuthenticator(encode(login.creds)));
  return {};
}

/** Signs something, so that what cannot sign is found before a server asks it to. */
function tried(option: string, what: string, authenticator: Authenticator): ConnectionOptions {
  try {
    authenticator("nonce");
  } catch (error) {
    throw natsError("MISCONFIGURED", `${option} is not ${what}`, error);
  }
  return { authenticator };
}

/** Beyond the files, what the client's own types leave out: whose certificate it must be where an address was dialled. */
async function tlsOptions(found: Found, settings: Settings): Promise<ConnectionOptions> {
  const { tls } = settings;
  const { info, server } = found;
  if (tls === undefined && info?.tls_required !== true && info?.tls_available !== true) return {};
  if (info !== undefined && info.tls_required !== true && info.tls_available !== true)
    throw natsError("DENIED", `${showServer(server)} offers no TLS, and the options ask for it`);
  const name = server.certifiedFor ?? server.host;
  const identity =
    isIP(name) === 0
      ? { servername: name }
      : {
          checkServerIdentity: (_: string, certificate: PeerCertificate) =>
            checkServerIdentity(name, certificate),
        };
  const { handshakeFirst } = tls ?? {};
  return {
    tls: {
      ...(await readTls(settings)),
      ...(handshakeFirst === undefined ? {} : { handshakeFirst }),
      ...identity,
    },
  };
}
