import type { Case } from "../case.js";
import { abortCases } from "./abort.js";
import { contractCases } from "./contract.js";
import { sendCases } from "./send.js";

/** Every promise of a channel, in the order in which a reader wants them broken to them. */
export const cases: readonly Case[] = [...contractCases, ...sendCases, ...abortCases];
