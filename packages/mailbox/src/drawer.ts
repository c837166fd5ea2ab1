import type { Commits } from "./commits.js";
import { drawerKey } from "./keys.js";
import { textRecord } from "./records.js";

/** LMDB takes keys of up to 1,978 bytes. */
const maxKeyBytes = 1_024;

/** The writer's side of the drawer. */
export class Drawer {
  readonly #commits: Commits;

  constructor(commits: Commits) {
    this.#commits = commits;
  }

  put(name: string, value: unknown): Promise<void> {
    const key = checked(name);
    const json = JSON.stringify(value) as string | undefined;
    if (json === undefined)
      throw new TypeError(`the drawer ${JSON.stringify(name)} cannot hold that: it is no JSON value`);
    return this.#commits.request((tx) => tx.put(key, textRecord.encode(key, json)));
  }

  delete(name: string): Promise<void> {
    const key = checked(name);
    return this.#commits.request((tx) => {
      if (tx.get(key) !== undefined) tx.delete(key);
    });
  }
}

function checked(name: string): string {
  const size = Buffer.byteLength(name);
  if (size > maxKeyBytes) throw new TypeError(`a drawer's name has ${size} bytes of at most ${maxKeyBytes}`);
  return drawerKey(name);
}
