import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { configJsonSchema, readConfig } from "../src/config.js";

let directory: string;
let path: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "config-"));
  path = join(directory, "config.json");
});

afterEach(() => rmSync(directory, { recursive: true, force: true }));

function read(text: string) {
  writeFileSync(path, text, { mode: 0o600 });
  return () => readConfig(path);
}

test("no file is an empty configuration", () => {
  expect(readConfig(path)).toEqual({});
});

test("what is configured is read", () => {
  const config = {
    port: 0,
    channels: { ipc: false, http: { port: 1 } },
    peers: { mac2: { http: "http://127.0.0.1:1" } },
  };
  expect(read(JSON.stringify(config))()).toEqual(config);
});

test("an unknown key is named, with the known ones", () => {
  expect(read('{"chanels": {}}')).toThrow(/config\.json: "chanels" is not a known key; allowed: .*channels/);
  expect(read('{"limits": {"pendng": 1}}')).toThrow(
    '"limits.pendng" is not a known key; allowed: pending, bytes',
  );
  expect(read('{"roster": {"leese": 1}}')).toThrow('"roster.leese" is not a known key; allowed: lease');
});

test("a wrong value is named with its key and what is expected", () => {
  expect(read('{"port": "8855"}')).toThrow('"port" is "8855"');
  expect(read('{"port": 70000}')).toThrow('"port" is 70000');
  expect(read('{"encryption": "yes"}')).toThrow(/"encryption" is "yes".*"off"\|"on"/);
  expect(read('{"peers": {"Mac 2": {}}}')).toThrow("Mac 2");
  expect(read('{"channels": {"ipc": 3}}')).toThrow(
    '"channels.ipc" is 3: a channel is true, false, or an object',
  );
  expect(read('{"peers": {"mac2": {"ssh": 22}}}')).toThrow('"peers.mac2.ssh" is 22: where a peer is reached');
});

test("a file that is not JSON says where it is", () => {
  expect(read("{port: 1}")).toThrow(`${path} is not JSON`);
});

test.skipIf(process.platform === "win32")("a file that others may read is refused (POSIX modes)", () => {
  read("{}")();
  chmodSync(path, 0o644);
  expect(() => readConfig(path)).toThrow(`chmod 600 ${path}`);
});

test("the published schema names every key", () => {
  const { properties } = configJsonSchema() as { properties: object };
  expect(Object.keys(properties).toSorted()).toEqual(
    [
      "$schema",
      "capabilities",
      "channels",
      "chief",
      "encryption",
      "limits",
      "node",
      "peers",
      "port",
      "roster",
    ].toSorted(),
  );
});
