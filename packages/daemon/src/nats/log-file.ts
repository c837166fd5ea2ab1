import { appendFileSync, chmodSync, renameSync, statSync } from "node:fs";

/** A log of bounded size: once it is full it becomes `.1`, and what was `.1` is gone. */
export class LogFile {
  readonly #path: string;
  readonly #most: number;
  #size: number;

  /** @param most Bytes of one file; there are two. */
  constructor(path: string, most = 1_048_576) {
    this.#path = path;
    this.#most = most;
    this.#size = sizeOf(path);
  }

  /** @throws Error of the file system: what is lost then is for the caller to count. */
  write(line: string): void {
    const bytes = Buffer.from(`${line}\n`);
    if (this.#size > 0 && this.#size + bytes.length > this.#most) {
      renameSync(this.#path, `${this.#path}.1`);
      this.#size = 0;
    }
    appendFileSync(this.#path, bytes, { mode: 0o600 });
    if (this.#size === 0) chmodSync(this.#path, 0o600);
    this.#size += bytes.length;
  }
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}
