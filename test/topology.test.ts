import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const root = fileURLToPath(new URL("../packages/", import.meta.url));

/** The rooms of the house: what each offers, and what it may import. Tests are free; sources are not. */
const rooms: Record<string, { name: string; exports: string[]; ours: string[]; outside: RegExp }> = {
  core: {
    name: "@multifleet/core",
    exports: [".", "./age", "./machine", "./options", "./seed", "./stream"],
    ours: [],
    // Only the machine's own name needs the system.
    outside: /^(node:(crypto|fs|os)|@noble\/hashes\/.*|age-encryption)$/,
  },
  conformance: {
    name: "@multifleet/conformance",
    exports: ["."],
    ours: ["core"],
    outside: /^node:(assert(\/strict)?|async_hooks)$/,
  },
  "channel-memory": { name: "@multifleet/channel-memory", exports: ["."], ours: ["core"], outside: /^node:/ },
  "channel-http": {
    name: "@multifleet/channel-http",
    exports: ["."],
    ours: ["core"],
    outside: /^(node:.*|undici)$/,
  },
  "channel-ipc": {
    name: "@multifleet/channel-ipc",
    exports: [".", "./superset"],
    ours: ["core"],
    outside: /^node:/,
  },
  "channel-nats": {
    name: "@multifleet/channel-nats",
    exports: ["."],
    ours: ["core"],
    outside: /^(node:.*|nats)$/,
  },
  "channel-relay": { name: "@multifleet/channel-relay", exports: ["."], ours: ["core"], outside: /^node:/ },
  "channel-ssh": {
    name: "@multifleet/channel-ssh",
    exports: ["."],
    ours: ["core"],
    outside: /^(node:.*|ssh2)$/,
  },
  "channel-wol": {
    name: "@multifleet/channel-wol",
    exports: ["."],
    ours: ["core"],
    outside: /^(node:.*|node-wol)$/,
  },
  "channel-git": {
    name: "@multifleet/channel-git",
    exports: ["."],
    ours: ["core"],
    outside: /^(node:.*|isomorphic-git)$/,
  },
  "channel-discord": {
    name: "@multifleet/channel-discord",
    exports: ["."],
    ours: ["core"],
    outside: /^(node:.*|discord\.js)$/,
  },
  roster: { name: "@multifleet/roster", exports: ["."], ours: ["core"], outside: /^node:/ },
  mailbox: {
    name: "@multifleet/mailbox",
    exports: [".", "./seed"],
    ours: ["core"],
    outside: /^(node:.*|lmdb)$/,
  },
  cascade: { name: "@multifleet/cascade", exports: ["."], ours: ["core"], outside: /^$/ },
  daemon: {
    name: "multifleet-daemon",
    exports: ["."],
    ours: ["core", "mailbox", "cascade", "roster"],
    outside: /^(node:.*|zod)$/,
  },
  // Beside the local API it knows what `deliver` writes: a daemon's socket, and its seed directory.
  cli: { name: "multifleet", exports: [], ours: ["core", "mailbox"], outside: /^node:/ },
};

const named = new Map(Object.entries(rooms).map(([room, { name }]) => [name, room]));

interface Import {
  readonly file: string;
  readonly from: string;
}

/** Every import of a package's sources, types included. Only the daemon's `import()` is free: so it finds channels. */
function imports(room: string): Import[] {
  const files = readdirSync(join(root, room, "src"), { recursive: true, encoding: "utf8" });
  return files
    .filter((file) => file.endsWith(".ts"))
    .flatMap((file) => {
      const text = readFileSync(join(root, room, "src", file), "utf8");
      const statement = /^\s*(?:(?:import|export)\b[^"';]*\bfrom|import)\s*["']([^"']+)["']/gm;
      const expression = room === "daemon" ? [] : text.matchAll(/\bimport\s*\(\s*["'`]([^"'`]+)["'`]/g);
      const found = [...text.matchAll(statement), ...expression];
      return found.map(([, from = ""]) => ({ file, from }));
    });
}

/** The package of ours that a specifier names, without its subpath. */
function ours(from: string): string | undefined {
  return named.get(/^(@[^/]+\/)?[^/]+/.exec(from)?.[0] ?? "");
}

test("the packages are these", () => {
  expect(readdirSync(root).toSorted()).toEqual(Object.keys(rooms).toSorted());
});

for (const [room, { name, exports, ours: allowed, outside }] of Object.entries(rooms)) {
  test(`${name} offers what it is known for`, () => {
    const manifest = JSON.parse(readFileSync(join(root, room, "package.json"), "utf8"));
    expect(manifest.name).toBe(name);
    expect(Object.keys(manifest.exports ?? {}).filter((key) => key !== "./package.json")).toEqual(exports);
  });

  test(`${name} imports only what its place allows`, () => {
    const refused = imports(room).filter(({ file, from }) => {
      if (from.startsWith(".")) return relative(".", join(dirname(file), from)).startsWith("..");
      const other = ours(from);
      return other === undefined ? !outside.test(from) : !allowed.includes(other);
    });
    expect(refused).toEqual([]);
  });
}
