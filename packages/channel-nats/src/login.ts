import { readFile } from "node:fs/promises";
import { messageOf, natsError } from "./failure.js";
import type { Login, Settings } from "./options.js";

/**
 * The login of the options, with what stands in files.
 * @throws ChannelError `MISCONFIGURED` when a file cannot be read.
 */
export async function readLogin(settings: Settings): Promise<Login> {
  const { token, tokenFile, user, pass, passFile, nkey, nkeyFile, creds } = settings;
  if (token !== undefined) return { token };
  if (tokenFile !== undefined) return { token: await read("tokenFile", tokenFile) };
  if (user !== undefined)
    return { user, pass: passFile === undefined ? (pass ?? "") : await read("passFile", passFile) };
  if (nkey !== undefined) return { nkey: nkey.trim() };
  if (nkeyFile !== undefined) return { nkey: seedIn(await read("nkeyFile", nkeyFile)) };
  // The client finds nothing in it without a line end behind the last line.
  if (creds !== undefined) return { creds: `${await read("creds", creds)}\n` };
  return {};
}

/** The files of `tls`, so that one that is missing is told by its option's name. */
export async function readTls(settings: Settings): Promise<{ ca?: string; cert?: string; key?: string }> {
  const { ca, cert, key } = settings.tls ?? {};
  return {
    ...(ca === undefined ? {} : { ca: await read("tls.ca", ca) }),
    ...(cert === undefined ? {} : { cert: await read("tls.cert", cert) }),
    ...(key === undefined ? {} : { key: await read("tls.key", key) }),
  };
}

/** A seed alone, or one among comments, as `nk` writes it. */
function seedIn(text: string): string {
  return /\bSU[A-Z2-7]{56}\b/.exec(text)?.[0] ?? text;
}

async function read(option: string, path: string): Promise<string> {
  try {
    return (await readFile(path, "utf8")).trim();
  } catch (error) {
    throw natsError("MISCONFIGURED", `${option} cannot be read: ${messageOf(error)}`, error);
  }
}
