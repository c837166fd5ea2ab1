import { expect, test } from "vitest";
import { cases, testChannel, type TestFunction } from "../src/index.js";
import { memoryRig, withLink } from "./rigs.js";

/** A runner that only writes down what it is asked to run. */
function recorder(): { test: TestFunction; run: Map<string, () => Promise<void>>; skipped: string[] } {
  const run = new Map<string, () => Promise<void>>();
  const skipped: string[] = [];
  const define = (name: string, body: () => Promise<void>) => void run.set(name, body);
  return { test: Object.assign(define, { skip: (name: string) => void skipped.push(name) }), run, skipped };
}

/** The body of the test of one case. */
function bodyOf(run: Map<string, () => Promise<void>>, id: string): () => Promise<void> {
  const [, body] = [...run].find(([name]) => name.startsWith(`${id}:`)) ?? [];
  if (body === undefined) throw new Error(`no test for ${id}`);
  return body;
}

const deaf = memoryRig((channel) => withLink(channel, () => ({ reaches: () => false })));
const knownFailures = { "send/unknown-peer": "reaches is not written yet" };

test("a known failure passes for as long as the case fails, and its reason is in the name", async () => {
  const { test: record, run } = recorder();
  testChannel({ test: record, rig: deaf, knownFailures });
  await bodyOf(run, "send/unknown-peer")();
  expect([...run.keys()].filter((name) => name.includes("known to fail"))).toEqual([
    expect.stringMatching(/^send\/unknown-peer: .*\(known to fail: reaches is not written yet\)$/),
  ]);
});

test("a known failure that has healed fails the suite", async () => {
  const { test: record, run } = recorder();
  testChannel({ test: record, rig: memoryRig(), knownFailures });
  await expect(bodyOf(run, "send/unknown-peer")()).rejects.toThrow(/healed: remove it from knownFailures/);
});

test("a known failure of a case that does not exist is refused", () => {
  const { test: record } = recorder();
  expect(() =>
    testChannel({ test: record, rig: memoryRig(), knownFailures: { "send/unknown-per": "a slip" } }),
  ).toThrow(/no case is called send\/unknown-per/);
});

test("a known failure of a case that does not apply is refused", () => {
  const { test: record } = recorder();
  expect(() =>
    testChannel({
      test: record,
      rig: memoryRig(),
      knownFailures: { "receive/waiting": "it stores nothing" },
    }),
  ).toThrow(/receive\/waiting is skipped: the channel does not store/);
});

test("every case is either run or skipped with a reason", () => {
  const { test: record, run, skipped } = recorder();
  testChannel({ test: record, rig: memoryRig() });
  expect(run.size + skipped.length).toBe(cases.length);
  for (const name of skipped) expect(name).toMatch(/\(skipped: .+\)$/);
});

test("case ids are unique, and each says what it is about", () => {
  expect(new Set(cases.map(({ id }) => id)).size).toBe(cases.length);
  for (const { id } of cases)
    expect(id).toMatch(/^(contract|open|send|receive|close|reopen|medium|counts|idle)\//);
});
