import { expect, test } from "vitest";
import { ChannelError, channelErrorCodes, refusals } from "../src/index.js";

test("a channel's error carries its code, words for people, and what the medium threw", () => {
  const cause = new Error("connect ECONNREFUSED");
  const error = new ChannelError("UNREACHABLE", "nobody listens", { cause });
  expect(error).toBeInstanceOf(Error);
  expect([error.name, error.code, error.message, error.cause]).toEqual([
    "ChannelError",
    "UNREACHABLE",
    "nobody listens",
    cause,
  ]);
});

test("the tables of codes list each code once", () => {
  expect(new Set(channelErrorCodes).size).toBe(channelErrorCodes.length);
  expect(new Set(refusals).size).toBe(refusals.length);
});
