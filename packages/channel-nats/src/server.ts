import type { Login } from "./options.js";

/** A server to connect to. */
export interface Server {
  readonly host: string;
  readonly port: number;
  readonly tls: boolean;
  /** The login that stood in its URL. Never shown. */
  readonly login?: Login;
  /** The name that its certificate is for, where `host` is an address that another server of its cluster told. */
  readonly certifiedFor?: string;
}

/** Reads `nats://user:pass@host:4222`, `tls://token@host`, `host:4222` or `host`; undefined when it is none of them. */
export function parseServer(text: string): Server | undefined {
  const trimmed = text.trim();
  const [, scheme = "nats", rest = ""] = /^(?:([a-z]+):\/\/)?(.+)$/i.exec(trimmed) ?? [];
  const lower = scheme.toLowerCase();
  // The URL class knows how to read the rest of `http:` alone, and takes its default port away.
  const url = URL.canParse(`http://${rest}`) ? new URL(`http://${rest}`) : undefined;
  if (url === undefined || !["nats", "tls"].includes(lower)) return undefined;
  if (url.hostname === "" || url.search !== "" || url.hash !== "" || !/^\/?$/.test(url.pathname))
    return undefined;
  const bare = rest.slice(rest.lastIndexOf("@") + 1);
  const port = /:(\d+)\/?$/.exec(bare)?.[1];
  const login = loginIn(url);
  if (login === null) return undefined;
  return {
    host: url.hostname.replace(/^\[|\]$/g, ""),
    port: port === undefined ? 4_222 : Number(port),
    tls: lower === "tls",
    ...(login === undefined ? {} : { login }),
  };
}

/** Null where it cannot be decoded. */
function loginIn({ username, password }: URL): Login | undefined | null {
  if (username === "" && password === "") return undefined;
  try {
    const first = decodeURIComponent(username);
    // As with other NATS clients, one word alone is a token.
    return password === "" ? { token: first } : { user: first, pass: decodeURIComponent(password) };
  } catch {
    // The caller says what a server's URL must be.
    return null;
  }
}

/** For people and logs: without the login. */
export function showServer({ host, port }: Pick<Server, "host" | "port">): string {
  return `${host.includes(":") ? `[${host}]` : host}:${port}`;
}
