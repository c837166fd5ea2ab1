import { seal } from "@multifleet/core";
import { expect, test } from "vitest";
import { readEntry, readRow, writeRow } from "../src/index.js";
import { entryOf, makeFleet } from "./keys.js";

const { keysOf, trust, fleet, gate } = makeFleet("mac1", "mac2");
const entry = entryOf("mac2");
const now = entry.stamp + 1_000;
const row = writeRow(entry, keysOf("mac2"));
const text = Buffer.from(row).toString();
const bytes = (altered: string) => new TextEncoder().encode(altered);

test("a row is JSON that people read by key, and is believed by the packet in it", () => {
  const shown = JSON.parse(text);
  expect(shown).toMatchObject({ node_id: "mac2", capabilities: ["git", "gpu"], claude_session: "s1" });
  expect(Object.keys(shown)).toEqual([...Object.keys(entry), "sealed"]);
  expect(readRow("mac2", row, trust, now)).toEqual({ ok: true, entry: readEntry(entry) });
});

test("no byte of a row can be changed", () => {
  const refused = new Set<string>();
  for (let at = 0; at < row.length; at++) {
    const altered = row.slice();
    altered[at] = (altered[at] ?? 0) ^ 1;
    const read = readRow("mac2", altered, trust, now);
    expect(read.ok, `byte ${at}`).toBe(false);
    if (!read.ok) refused.add(read.fault);
  }
  expect([...refused].toSorted()).toEqual(["ALTERED", "FORM", "SEAL"]);
});

test("what people are shown cannot be swapped while the packet stays", () => {
  const altered = bytes(text.replace('"gpu"', '"tpu"'));
  expect(readRow("mac2", altered, trust, now)).toEqual({ ok: false, fault: "ALTERED" });
  const added = bytes(text.replace('"sealed"', '"gpu":true,"sealed"'));
  expect(readRow("mac2", added, trust, now)).toEqual({ ok: false, fault: "ALTERED" });
});

test("a row counts under its node's own key only, signed by that node, in its own fleet", () => {
  expect(readRow("mac1", row, trust, now)).toEqual({ ok: false, fault: "SEAL" });
  expect(readRow("../mac2", row, trust, now)).toEqual({ ok: false, fault: "KEY" });
  const forged = writeRow(entry, { ...keysOf("mac1") });
  expect(readRow("mac2", forged, trust, now)).toEqual({ ok: false, fault: "SEAL" });
  const stranger = writeRow(entryOf("mac3"), keysOf("mac1"));
  expect(readRow("mac3", stranger, trust, now)).toEqual({ ok: false, fault: "SEAL" });
  const others = makeFleet("mac2");
  const foreign = writeRow(entry, {
    ...keysOf("mac2"),
    gate: others.gate,
    signer: others.keysOf("mac2").signer,
  });
  expect(readRow("mac2", foreign, trust, now)).toEqual({ ok: false, fault: "SEAL" });
});

test("a packet that its node made for something else is no row", () => {
  const { signer, stream } = keysOf("mac2");
  const body = bytes(JSON.stringify(entry));
  const packet = {
    ...{ kind: "hello", type: "hello", fleet, from: entry.node_id, to: entry.node_id, id: "a1" },
    ...{ session: "", toSession: "", replyTo: "", key: "", stream, seq: 0, base: 0, prev: 0 },
    ...{ created: now, expires: now + 60_000, idempotent: false, encrypted: false, body },
  } as Parameters<typeof seal>[0];
  const sealed = Buffer.from(seal(packet, { gate, signer }).bytes).toString("base64");
  const made = bytes(`${JSON.stringify(entry).slice(0, -1)},"sealed":"${sealed}"}`);
  expect(readRow("mac2", made, trust, now)).toEqual({ ok: false, fault: "OWNER" });
});

test("a row is not believed for ever, and one that is too large not at all", () => {
  expect(readRow("mac2", row, trust, now + 8 * 86_400_000)).toEqual({ ok: false, fault: "EXPIRED" });
  expect(readRow("mac2", new Uint8Array(1_000_000), trust, now)).toEqual({ ok: false, fault: "TOO_LARGE" });
});

test("a member's own row that says what no entry says is refused", () => {
  const hostile: [string, unknown][] = [
    ["node_id", "mac1"],
    ["capabilities", ["GPU"]],
    ["capabilities", ["x; rm -rf /"]],
    ["capabilities", Array.from({ length: 65 }, (_, i) => `c${i}`)],
    ["tools", { git: "1\u001b[2J" }],
    ["channels", { "../x": ["http"] }],
    ["channels", { mac1: "http" }],
    ["absent", { mac1: -1 }],
    ["term", 2 ** 53],
    ["chief", "all"],
    ["last_seen", 5],
    ["chief_role", "king"],
    ["sessions", [1]],
  ];
  for (const [member, value] of hostile) {
    const made = writeRow({ ...entry, [member]: value }, keysOf("mac2"));
    expect(readRow("mac2", made, trust, now), member).toMatchObject({ ok: false });
  }
  expect(readEntry({ ...entry, later: "a member of a later version" })).toEqual(readEntry(entry));
  expect(Object.getPrototypeOf(readEntry(entry)?.channels)).toBe(null);
});
