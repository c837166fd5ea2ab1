import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";

const run = promisify(execFile);

test("the kit runs under node:test, and the built channel passes it there", async () => {
  const file = fileURLToPath(new URL("fixtures/kit.mjs", import.meta.url));
  // Vitest's own conditions and loaders are not the child's.
  const { NODE_OPTIONS: _, ...env } = process.env;
  const { stdout } = await run(process.execPath, ["--test", "--test-reporter=tap", file], {
    env,
    timeout: 25_000,
  });
  const total = (what: string) => Number(new RegExp(`^# ${what} (\\d+)$`, "m").exec(stdout)?.[1]);
  expect(total("fail")).toBe(0);
  expect(total("pass")).toBeGreaterThan(30);
  expect(total("tests")).toBe(total("pass") + total("skipped"));
});
