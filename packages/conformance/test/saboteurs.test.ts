import { afterEach, expect, test } from "vitest";
import { cases } from "../src/index.js";
import { runCase } from "../src/suite.js";
import { saboteurs } from "./saboteurs/index.js";
import { remains } from "./saboteurs/sabotage.js";

afterEach(() => {
  for (const clear of remains) clear();
  remains.clear();
});

for (const { caughtBy, saying, does, rig } of saboteurs) {
  test(`${caughtBy} catches a channel that ${does}`, async () => {
    const found = cases.find(({ id }) => id === caughtBy);
    expect(found?.skip?.(rig)).toBeUndefined();
    await expect(found && runCase(found, rig)).rejects.toThrow(saying);
  });
}

test("every case has a saboteur that it catches", () => {
  const caught = new Set(saboteurs.map(({ caughtBy }) => caughtBy));
  expect(cases.map(({ id }) => id).filter((id) => !caught.has(id))).toEqual([]);
});
