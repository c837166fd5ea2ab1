import { afterEach, expect, test, vi } from "vitest";
import { findProgram } from "./needs.js";

afterEach(() => {
  vi.unstubAllEnvs();
});

test("a program that is installed is found", () => {
  expect(findProgram("node")).toMatch(/node/);
});

test("a program that is not installed is undefined, and an error where it is required", () => {
  vi.stubEnv("MULTIFLEET_REQUIRE", "");
  expect(findProgram("no-such-program")).toBeUndefined();
  vi.stubEnv("MULTIFLEET_REQUIRE", "chromium,no-such-program");
  expect(() => findProgram("no-such-program")).toThrow("MULTIFLEET_REQUIRE names no-such-program");
});
