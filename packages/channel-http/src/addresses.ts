import { isIP } from "node:net";
import { networkInterfaces } from "node:os";
import { packetsPath } from "./protocol.js";

/** Where to post to. */
export interface Target {
  /** The whole address: what tells two targets apart. */
  readonly url: string;
  /** Scheme, host and port. */
  readonly origin: string;
  readonly path: string;
}

/** Reads an address as a config or a peer's hello tells it; undefined when frames cannot be posted there. */
export function parseAddress(address: string): Target | undefined {
  if (address.length > 1_024 || !URL.canParse(address)) return undefined;
  const url = new URL(address);
  if ((url.protocol !== "http:" && url.protocol !== "https:") || url.port === "0") return undefined;
  if (url.username + url.password + url.search + url.hash !== "") return undefined;
  const path = url.pathname.replace(/\/+$/, "") + packetsPath;
  return { url: url.origin + path, origin: url.origin, path };
}

/**
 * The addresses at which a listener on `host` is reached: `host` itself, or for a wildcard each address of this machine
 * that others can have a route to, IPv4 before IPv6. Link-local IPv6 is left out: it needs a zone, which no URL carries.
 */
export function addressesOf(host: string, port: number): string[] {
  if (!isWildcard(host)) return [urlOf(host, port)];
  const outward = Object.values(networkInterfaces())
    .flatMap((list) => list ?? [])
    .filter(({ internal, address }) => !internal && !/^fe[89ab]/i.test(address));
  const families = host === "0.0.0.0" ? ["IPv4"] : ["IPv4", "IPv6"];
  return families.flatMap((family) =>
    outward.filter((each) => each.family === family).map(({ address }) => urlOf(address, port)),
  );
}

/** Every origin that is this very listener, as a peer on another machine may tell of its own: a frame sent there comes back to us. */
export function ownOrigins(host: string, port: number): ReadonlySet<string> {
  const loopback = ["127.0.0.1", "::1", "localhost"].map((name) => urlOf(name, port));
  const outward = addressesOf(host, port);
  const isLocal = isWildcard(host) || loopback.includes(urlOf(host, port));
  const own = [...outward, ...(isLocal ? loopback : [])];
  return new Set(own.map((address) => parseAddress(address)?.origin ?? address));
}

function isWildcard(host: string): boolean {
  return host === "0.0.0.0" || host === "::";
}

function urlOf(host: string, port: number): string {
  return isIP(host) === 6 ? `http://[${host}]:${port}` : `http://${host}:${port}`;
}
