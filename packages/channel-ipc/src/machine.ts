import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
export function machineId(): string {
  return createHash("sha256").update(readFileSync("/etc/machine-id")).digest("hex").slice(0, 32);
}
