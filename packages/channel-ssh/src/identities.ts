import { readFile, stat } from "node:fs/promises";
import type { AnyAuthMethod, BaseAgent, ParsedKey } from "ssh2";
import type { HostConfig } from "./config.js";
import { said } from "./failure.js";

type Library = typeof import("ssh2");

/** How to log in, best first, and why what else is configured cannot serve. */
export interface Login {
  readonly methods: AnyAuthMethod[];
  readonly skipped: readonly string[];
}

/** Looks at the agent and at the identity files that the configuration names. Nothing is asked of a person, ever. */
export async function findLogin(config: HostConfig, { createAgent, utils }: Library): Promise<Login> {
  const username = config.user;
  const skipped: string[] = [];
  const files = await Promise.all(config.identityFiles.map((path) => readIdentity(path, utils.parseKey)));
  const configured = files.map(({ blob }) => blob).filter((blob) => blob !== undefined);
  const methods: AnyAuthMethod[] = [];
  const inAgent = new Set<string>();
  if (config.agent !== undefined) {
    try {
      const agent = createAgent(config.agent);
      const all = await identitiesOf(agent);
      const chosen = choose(all, configured, config.identitiesOnly);
      for (const key of chosen) inAgent.add(blobOf(key));
      agent.getIdentities = (done) => done(null, chosen);
      if (chosen.length > 0) methods.push({ type: "agent", username, agent });
      else skipped.push("the agent has no key for it");
    } catch (error) {
      skipped.push(`the agent at ${config.agent} does not answer: ${said(error)}`);
    }
  }
  for (const { key, blob, fault } of files) {
    if (blob !== undefined && inAgent.has(blob)) continue;
    if (key !== undefined) methods.push({ type: "publickey", username, key });
    if (fault !== undefined) skipped.push(fault);
  }
  return { methods, skipped };
}

interface Identity {
  readonly key?: ParsedKey;
  readonly blob?: string;
  readonly fault?: string;
}

/** What an identity file holds; nothing where there is none, as ssh passes over its defaults. */
async function readIdentity(path: string, parse: Library["utils"]["parseKey"]): Promise<Identity> {
  const parsed = (text: Buffer) => {
    const found = parse(text);
    return Array.isArray(found) ? found[0] : found;
  };
  const pub = await readIfThere(`${path}.pub`);
  const known = pub === undefined ? undefined : parsed(pub);
  const blob = known === undefined || known instanceof Error ? undefined : blobOf(known);
  const rest = blob === undefined ? {} : { blob };
  try {
    const text = await readIfThere(path);
    if (text === undefined) return rest;
    const { mode, uid } = await stat(path);
    if (uid === process.getuid?.() && (mode & 0o077) !== 0)
      return { ...rest, fault: `${path} can be read by others (chmod 600 ${path})` };
    const key = parsed(text);
    if (key === undefined || key instanceof Error)
      return { ...rest, fault: `${path} ${faultOf(key?.message ?? "")}` };
    if (!key.isPrivateKey()) return { blob: blobOf(key) };
    return { key, blob: blobOf(key) };
  } catch (error) {
    return { ...rest, fault: `${path} cannot be read: ${said(error)}` };
  }
}

function faultOf(message: string): string {
  return /encrypted|passphrase/i.test(message)
    ? "needs a passphrase, and nobody is there to type it (ssh-add it to an agent)"
    : "is of a kind that is not supported here (an agent may have it)";
}

async function readIfThere(path: string): Promise<Buffer | undefined> {
  try {
    return await readFile(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    throw error;
  }
}

/** Those that the configuration names first, so that a server that allows few tries sees them; alone, where it says so. */
function choose(keys: readonly ParsedKey[], configured: readonly string[], only: boolean): ParsedKey[] {
  const named = keys.filter((key) => configured.includes(blobOf(key)));
  return only ? named : [...named, ...keys.filter((key) => !named.includes(key))];
}

function identitiesOf(agent: BaseAgent): Promise<ParsedKey[]> {
  return new Promise((resolve, reject) => {
    agent.getIdentities((error, keys) => {
      if (error instanceof Error) reject(error);
      // Of an agent on a socket they are parsed.
      else resolve((keys ?? []) as ParsedKey[]);
    });
  });
}

function blobOf(key: ParsedKey): string {
  return key.getPublicSSH().toString("base64");
}
