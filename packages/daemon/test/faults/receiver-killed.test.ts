import { test } from "vitest";
import { expectNothingLostByKilling, kills } from "./kills.js";

test(
  `F2: the receiver is killed ${kills} times; what was accepted is in the inbox once`,
  () => expectNothingLostByKilling("mac2"),
  900_000,
);
