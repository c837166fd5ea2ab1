import { test } from "vitest";
import { testChannel } from "../src/index.js";
import { directoryRig, memoryRig, wakerRig } from "./rigs.js";

// The honest channels: one of each effect.
testChannel({ test, rig: memoryRig() });
testChannel({ test, rig: directoryRig() });
testChannel({ test, rig: wakerRig() });
