import type { AnyRig } from "../../src/rig.js";
import { directoryRig, marked, memoryRig } from "../rigs.js";
import { closing } from "./closing.js";
import { crowding } from "./crowding.js";
import { opening } from "./opening.js";
import { resting } from "./resting.js";
import { sending } from "./sending.js";
import { stopping } from "./stopping.js";
import { storing } from "./storing.js";

/** A channel broken on purpose. */
export interface Saboteur {
  readonly does: string;
  /** The case that must catch it, and what that says of it. */
  readonly caughtBy: string;
  readonly saying: RegExp;
  readonly rig: AnyRig;
}

/** Where a case can only wait in vain, it need not wait long. */
const inVain = /ends|reported|settles|listeners|was handed/;
const soon = { deadlineMs: 500 };

/** Every saboteur. */
export const saboteurs: readonly Saboteur[] = [
  ...[...opening, ...sending, ...stopping, ...crowding, ...closing, ...resting].map(
    ([caughtBy, saying, does, change]) => {
      const rig = { ...memoryRig(change), ...(inVain.test(saying.source) && soon) };
      return { caughtBy, saying, does, rig };
    },
  ),
  ...storing.map(([caughtBy, saying, does, change]) => {
    return { caughtBy, saying, does, rig: { ...directoryRig(change), ...soon } };
  }),
  {
    caughtBy: "counts/errors",
    saying: /a counter moves/,
    does: "drops junk without a word",
    rig: { ...memoryRig(), ...soon, channel: (hub) => marked(hub as never, false) },
  },
];
