import type { Duplex } from "node:stream";
import type { Client } from "ssh2";
import type { ChannelError } from "@multifleet/core";
import { resolveHost, type HostConfig } from "./config.js";
import { connectionError, said, sshError } from "./failure.js";
import type { Hint } from "./hint.js";
import { findLogin } from "./identities.js";
import { knownKeys } from "./known-hosts.js";
import type { Settings } from "./options.js";
import { runProxyCommand } from "./proxy-command.js";

/** A chain of jump hosts longer than this is a loop. */
const maxHops = 8;
/** A server that answers nothing for so long, twice, is gone; in ms. */
const keepaliveInterval = 500;

const hostKeyTypes = [
  "ssh-ed25519",
  "ecdsa-sha2-nistp256",
  "ecdsa-sha2-nistp384",
  "ecdsa-sha2-nistp521",
  "rsa-sha2-512",
  "rsa-sha2-256",
] as const;

/** A connection on the way to the peer: to a jump host, or to the peer itself. */
export interface Hop {
  readonly client: Client;
  /** Resolves when its own socket or process is gone; at once where another connection carries it. */
  readonly gone: Promise<void>;
}

/** What an SSH connection goes over where it is no socket of its own. */
interface Carrier {
  readonly stream: Duplex;
  readonly gone: Promise<void>;
}

/**
 * Connects and logs in as `ssh` would. Each connection on the way is put into `hops` as soon as it begins, the nearest first, and is the caller's to end, also after a throw.
 * @throws ChannelError
 */
export async function dial(
  hint: Hint,
  settings: Settings,
  hops: Hop[],
  signal: AbortSignal,
): Promise<Client> {
  return await through(hint, undefined, { settings, hops, signal, depth: 0 });
}

interface Journey {
  readonly settings: Settings;
  readonly hops: Hop[];
  readonly signal: AbortSignal;
  /** How many jump hosts are being looked for beyond this one. */
  readonly depth: number;
}

/** @param jumps What stands for the host's own ProxyJump: the rest of a longer chain */
async function through(hint: Hint, jumps: readonly Hint[] | undefined, journey: Journey): Promise<Client> {
  const { settings, hops, signal, depth } = journey;
  if (depth > maxHops)
    throw sshError("DENIED", `there are more than ${maxHops} jump hosts, or they lead in a circle`);
  const config = await resolveHost(hint, settings.config, signal);
  const way = (jumps ?? config.jumps).filter((jump) => !isSelf(jump, config));
  const last = way.at(-1);
  let carrier: Carrier | undefined;
  if (last !== undefined) {
    const before = way.slice(0, -1);
    const deeper = { ...journey, depth: depth + 1 };
    const hop = await through(last, before.length > 0 ? before : undefined, deeper);
    carrier = { stream: await hopTo(config, hop), gone: Promise.resolve() };
  } else if (jumps === undefined && config.proxyCommand !== undefined) {
    carrier = runProxyCommand(config.proxyCommand);
  }
  return await connect(config, carrier, hops, signal);
}

/** `Host *` with a ProxyJump means the jump host too; ssh does not jump over a host to itself either. */
function isSelf(jump: Hint, { alias, hostname, port }: HostConfig): boolean {
  const name = jump.host.toLowerCase();
  return (name === alias.toLowerCase() || name === hostname) && (jump.port ?? port) === port;
}

function hopTo({ hostname, port, alias }: HostConfig, hop: Client): Promise<Duplex> {
  return new Promise((resolve, reject) => {
    hop.forwardOut("127.0.0.1", 0, hostname, port, (error, channel) => {
      if (error === undefined) resolve(channel);
      else reject(sshError("UNREACHABLE", `a jump host cannot reach ${alias}: ${said(error)}`, error));
    });
  });
}

async function connect(
  config: HostConfig,
  carrier: Carrier | undefined,
  hops: Hop[],
  signal: AbortSignal,
): Promise<Client> {
  try {
    const library = (await import("ssh2")).default;
    const [keys, login] = await Promise.all([knownKeys(config, signal), findLogin(config, library)]);
    if (signal.aborted) throw sshError("ABORTED", "the connection was given up");
    const client = new library.Client();
    return await new Promise((resolve, reject) => {
      let refusal: ChannelError | undefined;
      const fail = (error: unknown) => {
        signal.removeEventListener("abort", abort);
        reject(refusal ?? explained(error, config, login));
      };
      const abort = () => {
        client.destroy();
        fail(sshError("ABORTED", "the connection was given up"));
      };
      signal.addEventListener("abort", abort, { once: true });
      // One key of an agent that does not sign is not the end; the next method is tried.
      client.on("error", (error) => (error.level === "agent" ? undefined : fail(error)));
      const closed = new Promise<void>((gone) => client.once("close", () => gone()));
      client.on("close", () => fail(sshError("CLOSED", `${config.alias} ended the connection`)));
      client.once("ready", () => {
        signal.removeEventListener("abort", abort);
        client.setNoDelay(true);
        resolve(client);
      });
      const methods = [...login.methods];
      client.connect({
        ...(carrier === undefined ? { host: config.hostname, port: config.port } : { sock: carrier.stream }),
        username: config.user,
        readyTimeout: 0,
        keepaliveInterval,
        keepaliveCountMax: 2,
        algorithms: { serverHostKey: offered(keys.types) },
        // Without it, any key is good.
        hostVerifier: (key: Buffer) => {
          refusal = keys.judge(key);
          return refusal === undefined;
        },
        authHandler: (_left, _partial, next) => next(methods.shift() ?? (false as never)),
      });
      hops.push({ client, gone: carrier === undefined ? closed : carrier.gone });
    });
  } catch (error) {
    carrier?.stream.destroy();
    throw connectionError(error, config.alias);
  }
}

/** Every type, those that can be checked first. */
function offered(known: readonly string[]) {
  const isKnown = (type: string) => known.includes(type.startsWith("rsa-") ? "ssh-rsa" : type);
  return [...hostKeyTypes.filter((type) => isKnown(type)), ...hostKeyTypes.filter((type) => !isKnown(type))];
}

function explained(
  error: unknown,
  { alias, user, hostname, port }: HostConfig,
  { methods, skipped }: { readonly methods: readonly unknown[]; readonly skipped: readonly string[] },
): ChannelError {
  if ((error as { level?: unknown }).level !== "client-authentication") return connectionError(error, alias);
  const tried = methods.length === 0 ? "there is no key to log in with" : "none of our keys is accepted";
  const why = [tried, ...skipped].join("; ");
  return sshError(
    "DENIED",
    `${user}@${hostname}:${port} lets nobody in: ${why}. Try: ssh -v ${alias}`,
    error,
  );
}
