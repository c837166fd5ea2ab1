import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { afterAll, afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { seed, ssh } from "../src/index.js";
import { parseHint } from "../src/hint.js";
import { fault, mac2, open } from "./host.js";

const base = mkdtempSync(join(tmpdir(), "mf-hints-"));
const spawned = join(base, "spawned");

beforeEach(() => {
  // Stands before the real ones, and tells that it was started.
  for (const name of ["ssh", "ssh-keygen"])
    writeFileSync(join(base, name), `#!/bin/sh\necho "$0 $*" >> ${spawned}\nexit 255\n`, { mode: 0o755 });
  vi.stubEnv("PATH", `${base}${delimiter}${process.env["PATH"]}`);
});

afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(spawned, { force: true });
});

afterAll(() => {
  rmSync(base, { recursive: true, force: true });
});

const hostile = [
  "-oProxyCommand=touch /tmp/x",
  "ssh://-oProxyCommand=id",
  "-F/tmp/evil",
  "user@-oProxyCommand=id",
  "-l@host",
  "-v@host:22",
  "host;id",
  "host`id`",
  "host$(id)",
  "$(id)@host",
  "a|b@host",
  "host name",
  "host\nProxyCommand id",
  "host\0",
  "host\u202e",
  "hоst",
  "host:0",
  "host:65536",
  "host:22:22",
  "host:-1",
  "host:22x",
  "ssh://host/path",
  "ssh://host?x",
  "%h",
  "host%0a",
  "../host",
  "/tmp/host",
  "host\\",
  "'host'",
  '"host"',
  "[host]",
  "[::1%eth0]",
  "[]",
  "@host",
  "host@",
  "",
  ":22",
  "~",
  "*",
  "a".repeat(300),
  "ä.example",
];

describe("a host that could be read as more than a name is refused before anything is spawned", () => {
  for (const hint of hostile)
    test(`such as ${JSON.stringify(hint).slice(0, 60)}`, async () => {
      for (const make of [seed, ssh]) {
        await using mac1 = await open(make(), { ssh: [hint] });
        expect(mac1.link.reaches(mac2)).toBe(false);
        expect(fault(await mac1.send()).code).toBe("UNREACHABLE");
        expect(mac1.host.counts).toEqual(["bad_addresses"]);
        expect(() => parseHint(hint)).not.toThrow();
      }
      expect(existsSync(spawned)).toBe(false);
      // As an option it keeps the channel from opening.
      await expect(open(ssh({ peers: { mac2: { ssh: hint } } }), {})).rejects.toMatchObject({
        code: "MISCONFIGURED",
      });
    });
});

test("a host that is one is given to ssh, and this test would see it", async () => {
  await using mac1 = await open(ssh(), { ssh: ["ada@mac2.example:2222"] });
  expect(mac1.link.reaches(mac2)).toBe(true);
  expect(fault(await mac1.send()).code).toBe("DENIED");
  expect(existsSync(spawned)).toBe(true);
});

test("hosts are read as ssh reads them", () => {
  expect(parseHint("mac2")).toEqual({ host: "mac2" });
  expect(parseHint("ada@mac2.local:2222")).toEqual({ host: "mac2.local", user: "ada", port: 2222 });
  expect(parseHint("ssh://ada@mac2:22/")).toEqual({ host: "mac2", user: "ada", port: 22 });
  expect(parseHint("a@b@mac2")).toEqual({ host: "mac2", user: "a@b" });
  expect(parseHint("[2001:db8::1]:22")).toEqual({ host: "2001:db8::1", port: 22 });
  expect(parseHint("::1")).toEqual({ host: "::1" });
});
