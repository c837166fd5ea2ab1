import { homedir, userInfo } from "node:os";
import { join } from "node:path";
import { printable, sshError } from "./failure.js";
import { isSafeHost, isSafeUser, parseHint, type Hint } from "./hint.js";
import { run } from "./program.js";

/** What the ssh configuration says of a host, as far as it is used. */
export interface HostConfig {
  /** As it was asked for. */
  readonly hint: Hint;
  readonly alias: string;
  readonly hostname: string;
  readonly port: number;
  readonly user: string;
  /** The name under which its key is looked up. */
  readonly keyName: string;
  readonly knownHostsFiles: readonly string[];
  readonly revokedKeysFile: string | undefined;
  readonly identityFiles: readonly string[];
  readonly identitiesOnly: boolean;
  /** The agent's socket, if one is to be asked. */
  readonly agent: string | undefined;
  /** Hosts to go through, the nearest to us first. */
  readonly jumps: readonly Hint[];
  readonly proxyCommand: string | undefined;
}

/**
 * Asks `ssh -G`, so that aliases, Match blocks, includes and the system's own file count as they do for ssh.
 * @throws ChannelError `DENIED` for what this channel will not do, those of {@link run}
 */
export async function resolveHost(
  hint: Hint,
  file: string | undefined,
  signal: AbortSignal,
): Promise<HostConfig> {
  // Fixed in form, and the name after `--`: a hint has passed parseHint, and is a name for whoever reads it.
  const { code, out, err } = await run(
    "ssh",
    [
      ...(file === undefined ? [] : ["-F", file]),
      ...(hint.user === undefined ? [] : ["-l", hint.user]),
      ...(hint.port === undefined ? [] : ["-p", String(hint.port)]),
      "-G",
      "--",
      hint.host,
    ],
    signal,
  );
  if (code !== 0) throw sshError("DENIED", `the ssh configuration cannot be used: ${printable(err)}`);
  return read(hint, out);
}

function read(hint: Hint, text: string): HostConfig {
  const values = new Map<string, string[]>();
  for (const line of text.split(/\r?\n/)) {
    const [, key = "", value = ""] = /^(\S+)(?: (.*))?$/.exec(line) ?? [];
    values.set(key.toLowerCase(), [...(values.get(key.toLowerCase()) ?? []), value]);
  }
  const all = (key: string) => values.get(key) ?? [];
  const one = (key: string) => all(key).find((value) => value !== "" && value !== "none");
  const hostname = (one("hostname") ?? hint.host).toLowerCase();
  const port = Number(one("port") ?? 22);
  const user = one("user") ?? userInfo().username;
  if (!isSafeHost(hostname) || !isSafeUser(user))
    throw sshError(
      "DENIED",
      `the ssh configuration leads to a host or user with unusual characters: ${printable(`${user}@${hostname}`)}`,
    );
  const tokens = tokensOf(hint.host, hostname, port, user);
  const alias = one("hostkeyalias");
  return {
    hint,
    alias: hint.host,
    hostname,
    port,
    user,
    keyName: alias ?? (port === 22 ? hostname : `[${hostname}]:${port}`),
    knownHostsFiles: [...split(one("userknownhostsfile")), ...split(one("globalknownhostsfile"))].map(
      (path) => expandPath(path, tokens),
    ),
    revokedKeysFile: mapped(one("revokedhostkeys"), (path) => expandPath(path, tokens)),
    identityFiles: all("identityfile")
      .filter((path) => path !== "none")
      .map((path) => expandPath(path, tokens)),
    identitiesOnly: one("identitiesonly") === "yes",
    agent: agentOf(all("identityagent")[0], tokens),
    jumps: split(one("proxyjump"), ",").map((jump) => jumpOf(jump)),
    proxyCommand: proxyCommandOf(one("proxycommand"), one("proxyusefdpass"), tokens),
  };
}

type Tokens = Readonly<Record<string, string>>;

function tokensOf(alias: string, hostname: string, port: number, user: string): Tokens {
  return { "%": "%", h: hostname, n: alias, p: String(port), r: user, u: userInfo().username, d: homedir() };
}

/** @throws ChannelError `DENIED` for a token that is not known here: to guess would be to use another file than ssh does. */
function expand(text: string, tokens: Tokens): string {
  return text.replace(/%(.?)/gs, (found, token: string) => {
    const value = tokens[token];
    if (value === undefined)
      throw sshError("DENIED", `${found} in the ssh configuration is not known here: ${printable(text)}`);
    return value;
  });
}

function expandPath(path: string, tokens: Tokens): string {
  const expanded = expand(path, tokens);
  return expanded.startsWith("~/") ? join(homedir(), expanded.slice(2)) : expanded;
}

function agentOf(configured: string | undefined, tokens: Tokens): string | undefined {
  if (configured === "none") return undefined;
  const usual = process.env["SSH_AUTH_SOCK"] ?? (process.platform === "win32" ? pipe : undefined);
  if (configured === undefined || configured === "" || configured === "SSH_AUTH_SOCK")
    return usual || undefined;
  const named = /^\$\{?(\w+)\}?$/.exec(configured)?.[1];
  return named === undefined ? expandPath(configured, tokens) : process.env[named] || undefined;
}

/** Where the agent of Windows' own OpenSSH listens. */
const pipe = String.raw`\\.\pipe\openssh-ssh-agent`;

/** @throws ChannelError `DENIED` */
function jumpOf(text: string): Hint {
  const jump = parseHint(text);
  if (jump !== undefined) return jump;
  throw sshError("DENIED", `ProxyJump names no host that is safe to use: ${printable(text)}`);
}

/** @throws ChannelError `DENIED` */
function proxyCommandOf(
  command: string | undefined,
  passesDescriptor: string | undefined,
  tokens: Tokens,
): string | undefined {
  if (command === undefined) return undefined;
  if (passesDescriptor === "yes" || process.platform === "win32")
    throw sshError(
      "DENIED",
      "ProxyCommand is not run here with ProxyUseFdpass, nor on Windows; use ProxyJump",
    );
  return expand(command, tokens);
}

function split(text: string | undefined, separator = " "): string[] {
  return (text ?? "").split(separator).filter((part) => part !== "" && part !== "none");
}

function mapped<From, To>(value: From | undefined, map: (value: From) => To): To | undefined {
  return value === undefined ? undefined : map(value);
}
