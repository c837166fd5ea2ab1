import { watch, type FSWatcher } from "node:fs";
import { lstat } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { ChannelHost } from "@multifleet/core";
import { SeedDirectory } from "./directory.js";

/** Files that are read and judged at a time: enough to share a commit, few enough for the memory that the largest may take. */
const atOnce = 16;
/** How many files are remembered as put off; beyond them reading stops until one is taken. */
const maxPutOff = 4_096;
/** How often the directory is made again in a row before it is given up. */
const maxRebuilt = 10;

/**
 * Reads a seed directory: when something rings, until nothing is left that can be dealt with. The system's events are a doorbell and
 * no more: under load it drops some, and it says nothing of what came before it was asked.
 */
export class Intake {
  readonly #host: ChannelHost;
  readonly #onLost: (error: unknown) => void;
  #directory: SeedDirectory;
  #watchers: FSWatcher[] = [];
  #watched = "";
  /** What the daemon asked to be given later: again when it takes another, and at the next opening. */
  readonly #putOff = new Set<string>();
  #rung = false;
  #running: Promise<void> | undefined;
  #closed = false;

  /** @param onLost Called once when the directory can be read no more. */
  constructor(directory: SeedDirectory, host: ChannelHost, onLost: (error: unknown) => void) {
    this.#directory = directory;
    this.#host = host;
    this.#onLost = onLost;
  }

  /** Begins to watch, and reads what is there. @throws The file system's errors. */
  async start(): Promise<void> {
    await this.#watch();
    this.#ring();
  }

  /** Ends after the files that are being judged now. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#unwatch();
    await this.#running;
  }

  /** Looks again at once, also at what was to come later: the reason for that may be gone. */
  poke(): void {
    this.#putOff.clear();
    this.#ring();
  }

  #ring(): void {
    this.#rung = true;
    if (!this.#closed) this.#running ??= this.#run();
  }

  async #run(): Promise<void> {
    let rebuilt = 0;
    while (this.#rung && !this.#closed) {
      this.#rung = false;
      try {
        if ((await this.#identity()) !== this.#watched) await this.#rebuild();
        while (await this.#pass());
        rebuilt = 0;
      } catch (error) {
        this.#host.count("read_errors");
        // It may be being replaced this moment: then it is there again, or its parent at least.
        const { code } = error as NodeJS.ErrnoException;
        if (code === "ENOENT" && rebuilt++ < maxRebuilt && (await this.#hasParent())) this.#rung = true;
        else this.#lose(error);
      }
    }
    // In the same step as the last look at the bell.
    this.#running = undefined;
  }

  #lose(error: unknown): void {
    this.#closed = true;
    this.#unwatch();
    this.#onLost(error);
  }

  async #hasParent(): Promise<boolean> {
    const [parent] = await Promise.allSettled([lstat(dirname(this.#directory.path))]);
    return parent.status === "fulfilled";
  }

  /** The directory was removed or replaced: one of the same name is made, and watched from now on. */
  async #rebuild(): Promise<void> {
    this.#host.count("directory_replaced");
    this.#unwatch();
    this.#directory = await SeedDirectory.make(this.#directory.path);
    await this.#watch();
  }

  async #watch(): Promise<void> {
    const { path } = this.#directory;
    for (const place of [path, join(path, "new")]) {
      const watcher = watch(place, () => this.#ring());
      watcher.on("error", () => {
        this.#host.count("watch_errors");
        this.#ring();
      });
      this.#watchers.push(watcher);
    }
    // After the watchers: what is replaced before this line is seen as another by the next comparison, or rings.
    this.#watched = await this.#identity();
    this.#rung = true;
  }

  #unwatch(): void {
    for (const watcher of this.#watchers.splice(0)) watcher.close();
  }

  async #identity(): Promise<string> {
    const places = [this.#directory.path, join(this.#directory.path, "new")];
    const stats = await Promise.allSettled(places.map((place) => lstat(place, { bigint: true })));
    return stats
      .map((each) => (each.status === "fulfilled" ? `${each.value.dev}:${each.value.ino}` : "none"))
      .join();
  }

  /** Looks at everything in the directory once. True when something was dealt with: then it is worth another look. */
  async #pass(): Promise<boolean> {
    let dealt = 0;
    let names: string[] = [];
    for await (const { name } of await this.#directory.names()) {
      if (this.#closed || this.#putOff.size >= maxPutOff) break;
      if (!this.#putOff.has(name)) names.push(name);
      if (names.length < atOnce) continue;
      dealt += await this.#deal(names);
      names = [];
    }
    if (!this.#closed) dealt += await this.#deal(names);
    return dealt > 0 && !this.#closed;
  }

  async #deal(names: readonly string[]): Promise<number> {
    const dealt = await Promise.all(names.map((name) => this.#dealWith(name)));
    return dealt.filter(Boolean).length;
  }

  async #dealWith(name: string): Promise<boolean> {
    try {
      const file = await this.#directory.read(name);
      if (file === undefined) return false;
      if ("junk" in file) {
        this.#host.count("junk_files");
        await this.#directory.setAside(name);
        return true;
      }
      return await this.#give(name, file.bytes);
    } catch {
      // It stays where it is, and is not looked at again before the next opening.
      this.#host.count("file_errors");
      return this.#later(name);
    }
  }

  async #give(name: string, bytes: Uint8Array): Promise<boolean> {
    if (this.#closed) return false;
    const verdict = await this.#host.receive(bytes);
    switch (verdict.code) {
      case "taken":
        await this.#directory.remove(name);
        // The daemon can take again, so those that it could not are worth another try.
        this.#putOff.clear();
        return true;
      case "refused":
        this.#host.count("refused_files");
        await this.#directory.setAside(name);
        return true;
      case "later":
        this.#host.count("postponed_files");
        return this.#later(name);
    }
  }

  #later(name: string): boolean {
    this.#putOff.add(name);
    return false;
  }
}
