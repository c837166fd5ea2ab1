import { expect, test } from "vitest";
import { fleetId, nodeId } from "@multifleet/core";
import { isTagFor, tagFor } from "../src/tag.js";

const [home, work] = [fleetId("home"), fleetId("work")];
const [mac1, mac2] = [nodeId("mac1"), nodeId("mac2")];

test("a tag is known by the node that it is for, and by no other", () => {
  const tag = tagFor(home, mac1);
  expect(tag).toMatch(/^[0-9a-f]{32}$/);
  expect(isTagFor(tag, home, mac1)).toBe(true);
  expect([isTagFor(tag, home, mac2), isTagFor(tag, work, mac1)]).toEqual([false, false]);
});

test("two tags for one node have nothing in common", () => {
  const tags = Array.from({ length: 100 }, () => tagFor(home, mac1));
  expect(new Set(tags.map((tag) => tag.slice(0, 16))).size).toBe(100);
  expect(new Set(tags.map((tag) => tag.slice(16))).size).toBe(100);
});

test("names that run together the same way are told apart", () => {
  const tag = tagFor(fleetId("ab"), nodeId("c"));
  expect(isTagFor(tag, fleetId("a"), nodeId("bc"))).toBe(false);
});

test("what is no tag is for nobody", () => {
  for (const text of ["", "0".repeat(16), "0".repeat(32), `${tagFor(home, mac1)}0`])
    expect(isTagFor(text, home, mac1)).toBe(false);
});
