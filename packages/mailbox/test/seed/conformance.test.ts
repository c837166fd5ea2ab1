import { mkdtempSync, readdirSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { maxPacketBytes } from "@multifleet/core";
import { testChannel } from "@multifleet/conformance";
import { test } from "vitest";
import { seed } from "../../src/seed/index.js";

testChannel<{ readonly root: string }>({
  test,
  rig: {
    traits: { effect: "stores", inbound: true, maxFrameBytes: maxPacketBytes, rank: 4 },
    create: () => ({ root: realpathSync(mkdtempSync(join(tmpdir(), "seed-"))) }),
    channel: ({ root }, node) => seed({ directory: join(root, node) }),
    dispose: ({ root }) => rmSync(root, { recursive: true }),
    garble: ({ root }, { node }) => writeFileSync(join(root, node, "new", "junk"), "no frame"),
    leftovers: ({ root }) => readdirSync(root).flatMap((node) => readdirSync(join(root, node, "tmp"))),
    misconfigured: () => seed({ directory: "not/absolute" }),
    // Each frame is two flushes of a disk that others may be using.
    crowd: 60,
    deadlineMs: 15_000,
  },
});
