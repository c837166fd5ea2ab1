import { open } from "node:fs/promises";

/** Flushes a directory's entries to the disk; those who ask while one flush is under way share the next. */
export class DirectoryFlush {
  readonly #path: string;
  #running: Promise<void> | undefined;
  #next: Promise<void> | undefined;

  constructor(path: string) {
    this.#path = path;
  }

  /** Resolves after a flush that began after this call. */
  flush(): Promise<void> {
    this.#next ??= this.#after(this.#running);
    return this.#next;
  }

  async #after(running: Promise<void> | undefined): Promise<void> {
    // How that one ended was told to those who asked for it.
    await Promise.allSettled([running]);
    this.#running = this.#next;
    this.#next = undefined;
    await this.#flush();
  }

  async #flush(): Promise<void> {
    // Windows has no way to flush a directory, and no need of one on NTFS.
    if (process.platform === "win32") return;
    const handle = await open(this.#path, "r");
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  }
}
