/** Where a peer's ssh server is, as its user would type it: the ssh configuration says what that means. */
export interface Hint {
  readonly host: string;
  readonly user?: string;
  readonly port?: number;
}

// An allow list. What is not in it could be read as an option by ssh, or as more than a word by the shell that a ProxyCommand or a
// `Match exec` of the user's configuration hands %h and %r to.
const hostForm = /^[A-Za-z0-9_](?:[A-Za-z0-9._-]{0,253}[A-Za-z0-9_])?$/;
const ipv6Form = /^[0-9A-Fa-f:]{2,39}(?::\d{1,3}(?:\.\d{1,3}){3})?$/;
const userForm = /^[A-Za-z0-9_][A-Za-z0-9._@+-]{0,127}$/;

/** Reads `alias`, `user@host:port`, `[::1]:port` or `ssh://user@host:port`; undefined for anything else. */
export function parseHint(text: string): Hint | undefined {
  const rest = /^ssh:\/\/(.*?)\/?$/s.exec(text)?.[1] ?? text;
  const at = rest.lastIndexOf("@");
  const user = at < 0 ? undefined : rest.slice(0, at);
  const place = rest.slice(at + 1);
  const [, bracketed, plain, digits] = /^(?:\[([^\]]*)\]|([^:[\]]*))(?::(\d{1,5}))?$/s.exec(place) ?? [];
  // An IPv6 address alone needs no brackets; with a port it does.
  const host = bracketed ?? plain ?? place;
  const port = digits === undefined ? undefined : Number(digits);
  if (!(plain === undefined ? isIpv6(host) : isSafeHost(host))) return undefined;
  if (user !== undefined && !isSafeUser(user)) return undefined;
  if (port !== undefined && (port < 1 || port > 65_535)) return undefined;
  return { host, ...(user === undefined ? {} : { user }), ...(port === undefined ? {} : { port }) };
}

/** Whether a host's name is nothing but that, whoever reads it. */
export function isSafeHost(host: string): boolean {
  return hostForm.test(host) || isIpv6(host);
}

/** Whether a user's name is nothing but that, whoever reads it. */
export function isSafeUser(user: string): boolean {
  return userForm.test(user);
}

function isIpv6(host: string): boolean {
  return host.includes(":") && ipv6Form.test(host);
}
