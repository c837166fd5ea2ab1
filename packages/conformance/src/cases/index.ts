import type { Case } from "../case.js";
import { closeCases } from "./close.js";
import { contractCases } from "./contract.js";
import { crowdCases } from "./crowd.js";
import { mediumCases } from "./medium.js";
import { openCases } from "./open.js";
import { peerCases } from "./peers.js";
import { sendCases } from "./send.js";
import { stopCases } from "./stop.js";
import { storeCases } from "./store.js";

/** Every promise of a channel. */
export const cases: readonly Case[] = [
  ...contractCases,
  ...openCases,
  ...sendCases,
  ...stopCases,
  ...peerCases,
  ...crowdCases,
  ...storeCases,
  ...closeCases,
  ...mediumCases,
];
