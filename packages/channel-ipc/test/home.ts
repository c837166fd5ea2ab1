import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach } from "vitest";

const cleanups: (() => Promise<unknown> | void)[] = [];

/** Has something undone after the test, in reverse order. */
export function afterwards(cleanup: () => Promise<unknown> | void): void {
  cleanups.push(cleanup);
}

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** A fresh private directory, gone after the test. */
export function home(): string {
  const directory = mkdtempSync(join(tmpdir(), "multifleet-ipc-"));
  afterwards(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}
