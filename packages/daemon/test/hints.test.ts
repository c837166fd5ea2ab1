import { expect, test } from "vitest";
import { checkHints } from "../src/channels/hints.js";

const hint = (channel: string) => ({ mac2: { [channel]: "x" } });

test("a hint for a channel of no known name is refused, with the names there are", () => {
  expect(() => checkHints({ peers: hint("shh") }, ["http"])).toThrow(
    /"peers\.mac2\.shh" is for no channel; there are .*http.*ssh/,
  );
});

test("a hint may be for a channel of ours that is off or not installed, and for one of others that is there", () => {
  for (const name of ["discord", "jetstream", "wol"])
    expect(() => checkHints({ peers: hint(name), channels: { [name]: false } }, [])).not.toThrow();
  expect(() => checkHints({ peers: hint("pigeon") }, ["pigeon"])).not.toThrow();
});

test("where a channel of others is off, its name is not known, and nothing is refused", () => {
  const channels = { "@acme/channel-pigeon": false };
  expect(() => checkHints({ peers: hint("pigeon"), channels }, [])).not.toThrow();
});
