import { nodeId } from "@multifleet/core";
import fc from "fast-check";
import { expect, test } from "vitest";
import { chooseChief, rankOf, type Candidate, type Role } from "../src/index.js";

const names = Array.from({ length: 8 }, (_, i) => nodeId(`node${i}`));
const candidates = fc
  .uniqueArray(
    fc.record({
      node: fc.constantFrom(...names),
      role: fc.constantFrom<Role>("may", "prefer", "never"),
      claims: fc.option(fc.integer({ min: 1, max: 4 }), { nil: undefined }),
    }),
    { minLength: 1, selector: ({ node }) => node },
  )
  .map((all) => all.map((each): Candidate => ({ ...each, rank: rankOf(each.node) })));
const highest = (live: readonly Candidate[]) => Math.max(0, ...live.map(({ claims }) => claims ?? 0));

test("all who know the same agree, in whatever order they know it, once each has said what follows", () => {
  fc.assert(
    fc.property(candidates, (live) => {
      let said = live;
      // Each node decides for itself, and says so; after few rounds nobody has anything new to say.
      for (let round = 0; round < 6; round++)
        said = said.map((self, i) => {
          const others = [...said.slice(i), ...said.slice(0, i)];
          const { claims } = chooseChief(self.node, others, { highest: highest(said), ready: true });
          return { ...self, claims };
        });
      const chosen = said.map(
        ({ node }) => chooseChief(node, said, { highest: highest(said), ready: true }).chief,
      );
      expect(new Set(chosen.map((chief) => `${chief?.node}/${chief?.term}`)).size).toBe(1);
      const [chief] = chosen;
      const eligible = said.filter(({ role }) => role !== "never");
      const sits = eligible.length === 0 ? [undefined] : eligible.map(({ node }) => node);
      expect(sits).toContain(chief?.node);
    }),
  );
});

test("a term is never taken again, and never given to two", () => {
  fc.assert(
    fc.property(candidates, (live) => {
      const known = highest(live);
      for (const self of live) {
        const { claims } = chooseChief(self.node, live, { highest: known, ready: true });
        if (claims !== undefined && claims !== self.claims) expect(claims).toBe(known + 1);
        if (claims !== undefined && claims === self.claims)
          expect(live.filter((each) => each.role !== "never" && each.claims === claims)).toHaveLength(1);
      }
    }),
  );
});

test("the chief that sits stays, whoever comes", () => {
  fc.assert(
    fc.property(candidates, fc.constantFrom(...names), (others, node) => {
      const sitting: Candidate = { node, rank: rankOf(node), role: "may", claims: 5 };
      const live = [sitting, ...others.filter((each) => each.node !== node && each.role !== "prefer")];
      expect(chooseChief(node, live, { highest: 9, ready: true })).toEqual({
        chief: { node, term: 5 },
        claims: 5,
      });
    }),
  );
});

test("one who has just come chooses nobody until it knows who is there", () => {
  const live = [{ node: nodeId("mac1"), rank: 1, role: "may", claims: undefined } as const];
  const how = { highest: 3, ready: false };
  expect(chooseChief(nodeId("mac1"), live, how)).toEqual({ chief: undefined, claims: undefined });
  expect(chooseChief(nodeId("mac1"), live, { ...how, ready: true }).claims).toBe(4);
});
