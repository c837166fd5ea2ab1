import { createHash } from "node:crypto";

const form = /^[0-9a-f]{64}\.mf$/;

/** What a frame's file is called: by the SHA-256 of its bytes, so that a frame which is stored twice is one file. */
export function seedName(bytes: Uint8Array): string {
  return `${createHash("sha256").update(bytes).digest("hex")}.mf`;
}

/** Whether a file may be a frame; anything else in the directory is junk, whoever put it there. */
export function isSeedName(name: string): boolean {
  return form.test(name);
}
