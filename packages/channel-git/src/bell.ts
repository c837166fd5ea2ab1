import { watch, type FSWatcher } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { codeOf } from "./failure.js";

export interface Ears {
  /** Something may have come. */
  ring(): void;
  /** The repository is there, or is not, as far as the directory tells. */
  present(isPresent: boolean): void;
  count(event: string): void;
}

/** How many steps the way up to a directory that exists may have. */
const maxSteps = 64;

/**
 * Listens at a repository on this machine: the system tells of a change in the directory where refs to this node stand, and in those that lead to it.
 * A doorbell and no more: what is behind the door is looked at by whoever answers it.
 */
export class Bell {
  readonly #repository: string;
  readonly #node: string;
  readonly #ears: Ears;
  #watchers: FSWatcher[] = [];
  #isRung = false;
  #running: Promise<void> | undefined;
  #isClosed = false;

  constructor(repository: string, node: string, ears: Ears) {
    this.#repository = repository;
    this.#node = node;
    this.#ears = ears;
  }

  async start(): Promise<void> {
    this.#heard();
    await this.#running;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#unwatch();
    await this.#running;
  }

  #heard(): void {
    this.#isRung = true;
    if (!this.#isClosed) this.#running ??= this.#run();
  }

  async #run(): Promise<void> {
    while (this.#isRung && !this.#isClosed) {
      this.#isRung = false;
      this.#unwatch();
      try {
        await this.#listen();
      } catch {
        // Without it the remote is read at this node's events, as one on another machine.
        this.#ears.count("watch_errors");
      }
    }
    this.#running = undefined;
  }

  /** Watches what is there now, and looks whether something already came. The watchers come first: nothing falls in between. */
  async #listen(): Promise<void> {
    const refs = join(this.#repository, "refs");
    const all = join(refs, "multifleet");
    const own = join(all, this.#node);
    const isThere = this.#watch(refs, (name) => name === "multifleet");
    this.#watch(this.#repository, (name) => ["refs", "reftable", basename(this.#repository)].includes(name));
    this.#watch(join(this.#repository, "reftable"), () => true);
    this.#watch(all, (name) => name === this.#node || name === "multifleet");
    this.#watch(own, (name) => !name.endsWith(".lock"));
    this.#watchAbove();
    const found = isThere && (await stat(refs).then(() => true, missing));
    this.#ears.present(found);
    if (found && (await this.#holds(own))) this.#ears.ring();
  }

  /** Whether refs to this node are there, or may be, in a repository that keeps them otherwise. */
  async #holds(own: string): Promise<boolean> {
    const names = await readdir(own).catch(missing);
    if (names === false) return stat(join(this.#repository, "reftable")).then(() => true, missing);
    return names.some((name) => !name.endsWith(".lock"));
  }

  /** Watches the nearest directory above the repository, for when it is taken away and comes back. */
  #watchAbove(): void {
    let child = this.#repository;
    for (let step = 0; step < maxSteps; step++) {
      const name = basename(child);
      const parent = dirname(child);
      if (this.#watch(parent, (each) => each === name) || parent === child) return;
      child = parent;
    }
  }

  /** @returns Whether the directory is there. */
  #watch(directory: string, concerns: (name: string) => boolean): boolean {
    try {
      const watcher = watch(directory, (_, name) => {
        if (name === null || concerns(name)) this.#heard();
      });
      watcher.on("error", () => {
        this.#ears.count("watch_errors");
        this.#heard();
      });
      this.#watchers.push(watcher);
      return true;
    } catch (error) {
      if (["ENOENT", "ENOTDIR"].includes(codeOf(error))) return false;
      throw error;
    }
  }

  #unwatch(): void {
    for (const watcher of this.#watchers.splice(0)) watcher.close();
  }
}

function missing(error: unknown): false {
  if (!["ENOENT", "ENOTDIR"].includes(codeOf(error))) throw error;
  return false;
}
