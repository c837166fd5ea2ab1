import { test } from "vitest";
import { expectNothingLostByKilling, kills } from "./kills.js";

test(
  `F1: the sender is killed ${kills} times; what was accepted is in the inbox once`,
  () => expectNothingLostByKilling("mac1"),
  900_000,
);
