import { createHmac } from "node:crypto";
import { closeSync, fdatasyncSync, mkdtempSync, openSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { median } from "./load.mjs";

/** What this machine does at this moment, so that two runs can be compared: microseconds for an HMAC of 1 KB, ms for a flush. */
export function canary() {
  const kilobyte = Buffer.alloc(1024, 1);
  const began = performance.now();
  for (let i = 0; i < 20_000; i++) createHmac("sha256", "key").update(kilobyte).digest();
  const hmacUs = ((performance.now() - began) * 1000) / 20_000;
  const directory = mkdtempSync(join(tmpdir(), "canary-"));
  const file = openSync(join(directory, "file"), "w");
  const flushes = [];
  for (let i = 0; i < 100; i++) {
    const at = performance.now();
    writeSync(file, kilobyte);
    fdatasyncSync(file);
    flushes.push(performance.now() - at);
  }
  closeSync(file);
  rmSync(directory, { recursive: true, force: true });
  return { hmacUs, flushMs: median(flushes) };
}
