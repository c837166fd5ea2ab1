import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
// #region use
import { nodeId, type NodeId } from "@multifleet/core";
import { createRoster, type Roster } from "@multifleet/roster";

/** Two nodes of one process: each is told what the other says. */
const mac1 = nodeId("mac1");
const mac2 = nodeId("mac2");

function roster(node: NodeId): Roster {
  return createRoster({
    ...{ node, role: "may", term: 0, random: Math.random, now: performance.now(), wall: Date.now },
    facts: () => ({
      ...{ version: "1.0.0", capabilities: ["git", "gpu"], tools: { git: "2.39.5" } },
      ...{ git_head: null, sessions: [], channels: {} },
    }),
  });
}

const one = roster(mac1);
const two = roster(mac2);
const now = performance.now();
one.handle({ kind: "members", nodes: [mac2] }, now); // what to do: to be woken at a time, and then to speak
two.handle({ kind: "members", nodes: [mac1] }, now);
one.handle({ kind: "word", node: mac2, word: two.word(mac1, now) }, now);
two.handle({ kind: "word", node: mac1, word: one.word(mac2, now) }, now);
console.log(one.having("gpu", now)); // mac1 and mac2
one.handle({ kind: "timer" }, now + 1_000); // as it asked for
two.handle({ kind: "timer" }, now + 1_000);
console.log(one.chief ?? two.chief); // one of them, with its term; the other knows it from its next word
// #endregion use

test("the README's example is the one that is run, and says what it says", () => {
  expect(one.having("gpu", now)).toEqual([mac1, mac2]);
  expect([one.chief, two.chief].filter((chief) => chief !== undefined)).toMatchObject([{ term: 1 }]);
  const source = readFileSync(new URL("use.test.ts", import.meta.url), "utf8");
  const region = /\/\/ #region use\n([^]*?)\/\/ #endregion use/.exec(source)?.[1];
  const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8");
  expect(readme).toContain(`\`\`\`ts packages/roster/test/use.test.ts#use\n${region}\`\`\``);
});
