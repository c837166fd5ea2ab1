import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, expect, test } from "vitest";
import { loopback } from "./sleeper.js";

const place = mkdtempSync(join(tmpdir(), "multifleet-wol-"));
afterAll(() => rmSync(place, { recursive: true }));

/** The package as it is installed with `--omit=optional`, in a process of its own. */
function run(program: string): unknown {
  const packages = fileURLToPath(new URL("../..", import.meta.url));
  const modules = join(place, "node_modules", "@multifleet");
  mkdirSync(join(modules, "channel-wol"), { recursive: true });
  for (const part of ["package.json", "dist"])
    cpSync(join(packages, "channel-wol", part), join(modules, "channel-wol", part), { recursive: true });
  symlinkSync(join(packages, "core"), join(modules, "core"));
  const text = execFileSync(process.execPath, ["--input-type=module", "--eval", program], {
    cwd: place,
    encoding: "utf8",
    timeout: 20_000,
  });
  return JSON.parse(text);
}

test("without node-wol the channel opens, tells its cards, says what to install, and leaves the waking to members that can", () => {
  const told = run(`
    import wol from "@multifleet/channel-wol";
    const counted = [];
    const known = {
      mac2: ["wol:00-1b-21-00-00-02@127.0.0.2/8"],
      mac3: ["wol:00-1b-21-00-00-03@127.0.0.3/8"],
    };
    const host = { node: "mac1", addresses: (to) => known[to] ?? [], count: (event) => counted.push(event) };
    const { signal } = new AbortController();
    let can = false;
    const link = await wol({
      interfaces: ["${loopback}"],
      members: () => ["mac3"],
      ask: async () => can,
    }).open(host, { signal });
    const send = () => link.send({ id: "a", to: "mac2", bytes: new Uint8Array(1) }, { signal });
    const first = await send();
    can = true;
    const { ok } = await send();
    console.log(JSON.stringify({
      reaches: link.reaches("mac2"), code: first.error.code, reason: first.error.message, ok, counted, status: link.status(),
    }));
    await link[Symbol.asyncDispose]();
  `);
  expect(told).toMatchObject({
    reaches: true,
    code: "UNREACHABLE",
    reason: expect.stringContaining("node-wol is not installed: run npm install node-wol"),
    ok: true,
    counted: [
      "missing_library",
      "missing_library",
      "helpers_asked",
      "helper_failures",
      "missing_library",
      "helpers_asked",
    ],
    status: { trouble: expect.stringContaining("npm install node-wol") },
  });
});
