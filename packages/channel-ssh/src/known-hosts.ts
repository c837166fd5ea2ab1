import { readFile } from "node:fs/promises";
import type { ChannelError } from "@multifleet/core";
import type { HostConfig } from "./config.js";
import { said, sshError } from "./failure.js";
import { run } from "./program.js";

/** The keys that a host is known by, and those that no host may have. */
export interface KnownKeys {
  /** Key types in the order to ask the server for; those of known keys first, so that it shows one that can be checked. */
  readonly types: readonly string[];
  /** Why a connection to a host with this key must not be made; undefined where it may. */
  judge(key: Buffer): ChannelError | undefined;
}

interface Entry {
  readonly marker: string;
  readonly type: string;
  readonly blob: string;
  readonly file: string;
}

/** Reads what the known_hosts files, hashed ones too, hold for a host. @throws ChannelError as `run` says; `DENIED` where revocations cannot be read */
export async function knownKeys(config: HostConfig, signal: AbortSignal): Promise<KnownKeys> {
  const { knownHostsFiles: files, hostname, port, keyName } = config;
  const find = async (name: string) =>
    (await Promise.all(files.map((file) => findIn(file, name, signal)))).flat();
  const entries = await find(keyName);
  const revoked = new Set(await revokedIn(config.revokedKeysFile));
  for (const { marker, blob } of entries) if (marker === "@revoked") revoked.add(blob);
  const known = entries.filter(({ marker }) => marker === "");
  // As ssh does: a key that is known for the host by its bare name is good on another port too, but proves no change.
  const bare =
    known.length === 0 && port !== 22 && keyName === `[${hostname}]:${port}`
      ? (await find(hostname)).filter(({ marker }) => marker === "")
      : [];
  const good = new Set([...known, ...bare].map(({ blob }) => blob));
  return {
    types: [...new Set([...known, ...bare].map(({ type }) => type))],
    judge(key) {
      const blob = key.toString("base64");
      const type = typeOf(key);
      if (revoked.has(blob))
        return sshError("DENIED", `the ${type} key of ${keyName} is revoked: nothing was sent to it`);
      if (good.has(blob)) return undefined;
      if (known.length > 0) return changed(config, type, known);
      return sshError(
        "DENIED",
        `the ${type} key of ${keyName} is not known. Look at it and accept it once with: ${acceptCommand(config)}`,
      );
    },
  };
}

function changed(config: HostConfig, type: string, known: readonly Entry[]): ChannelError {
  const file = known[0]?.file ?? "known_hosts";
  return sshError(
    "DENIED",
    `the host key of ${config.keyName} is another (${type}) than the one in ${file}: a new server, or somebody in between. ` +
      `Only if you know why: ssh-keygen -R '${config.keyName}' -f '${file}', then ${acceptCommand(config)}`,
  );
}

/** What a person types to see the key and, with a yes, to accept it. */
function acceptCommand({ hint: { host, user, port } }: HostConfig): string {
  const words = [
    "ssh",
    port === undefined ? "" : `-p ${port}`,
    user === undefined ? host : `${user}@${host}`,
    "exit",
  ];
  return words.filter((word) => word !== "").join(" ");
}

async function findIn(file: string, name: string, signal: AbortSignal): Promise<Entry[]> {
  const { code, out } = await run("ssh-keygen", ["-F", name, "-f", file], signal);
  // It says 1 of a host that is not in there, and 255 of a file that is not there. What cannot be read makes no key known.
  if (code !== 0 || out === "") return [];
  const entries: Entry[] = [];
  for (const line of out.split(/\r?\n/)) {
    const [, marker = "", type, blob] =
      /^(?:(@[a-z-]+)\s+)?\S+\s+([a-z0-9@.-]+)\s+([A-Za-z0-9+/]+={0,2})(?:\s|$)/.exec(line) ?? [];
    if (type !== undefined && blob !== undefined && !line.startsWith("#"))
      entries.push({ marker, type, blob, file });
  }
  return entries;
}

async function revokedIn(file: string | undefined): Promise<string[]> {
  if (file === undefined) return [];
  try {
    const text = await readFile(file, "latin1");
    if (text.startsWith("SSHKRL"))
      throw new Error("it is a key revocation list, and only lists of keys are read");
    return [...text.matchAll(/(?:^|\s)(AAAA[A-Za-z0-9+/]+={0,2})(?=\s|$)/gm)].map(([, blob = ""]) => blob);
  } catch (error) {
    throw sshError(
      "DENIED",
      `RevokedHostKeys ${file} cannot be read, and is not passed over: ${said(error)}`,
      error,
    );
  }
}

/** A public key begins with the length and the text of its type. */
function typeOf(key: Buffer): string {
  const length = key.length < 4 ? 0 : key.readUInt32BE(0);
  return key.toString("latin1", 4, 4 + Math.min(length, 64)).replace(/[^\w@.-]/g, "?");
}
