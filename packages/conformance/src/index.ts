/**
 * One call that proves a Multi-Fleet channel, on its real medium and under any test runner.
 *
 * @packageDocumentation
 */
export { cases } from "./cases/index.js";
export type { Case } from "./case.js";
export type { Place, Rig } from "./rig.js";
export { testChannel, type SuiteOptions, type TestFunction } from "./suite.js";
