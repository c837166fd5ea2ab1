import { randomBytes } from "node:crypto";
import { accessSync, constants } from "node:fs";
import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { explain, StartFailure } from "./failure.js";
import { privateDirectory, readPrivate, writePrivate } from "./private-files.js";

/** Where everything of one node is. */
export interface Home {
  readonly directory: string;
  readonly config: string;
  readonly key: string;
  readonly fleet: string;
  readonly token: string;
  readonly store: string;
  readonly seed: string;
  readonly socket: string;
  /** Written while the daemon runs, so that the command line finds it. */
  readonly running: string;
}

/** The home that is meant where none is named: `MULTIFLEET_HOME`, else `~/.multifleet`. */
export function defaultHome(environment: NodeJS.ProcessEnv): string {
  return environment.MULTIFLEET_HOME || join(homedir(), ".multifleet");
}

/** Makes or checks a home. @throws StartFailure when it cannot be used or others can look into it. */
export function openHome(path: string): Home {
  const directory = resolve(path);
  const home: Home = {
    directory,
    config: join(directory, "config.json"),
    key: join(directory, "node.key"),
    fleet: join(directory, "fleet.json"),
    token: join(directory, "api.token"),
    store: join(directory, "store"),
    seed: join(directory, "seed"),
    socket: join(directory, "daemon.sock"),
    running: join(directory, "daemon.json"),
  };
  privateDirectory(directory);
  try {
    accessSync(directory, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (thrown) {
    throw new StartFailure(
      `${directory} is not writable: ${explain(thrown)}. Choose another home with --home.`,
      { cause: thrown },
    );
  }
  privateDirectory(home.store);
  privateDirectory(home.seed);
  return home;
}

/** The local API's token: made at the first start, 256 random bits in base64url. @throws StartFailure */
export function apiToken(home: Home): string {
  const kept = readPrivate(home.token)?.trim();
  if (kept !== undefined) {
    if (/^[A-Za-z0-9_-]{43}$/.test(kept)) return kept;
    throw new StartFailure(`${home.token} does not hold a token. Remove it; the next start makes a new one.`);
  }
  const token = randomBytes(32).toString("base64url");
  writePrivate(home.token, `${token}\n`);
  return token;
}
