/**
 * Decides which channel carries a packet next. No clock, no randomness, no I/O of its own: the same inputs give the same commands.
 *
 * @packageDocumentation
 */
export { createCascade } from "./cascade.js";
export * from "./contract.js";
export { decisions, type Decision } from "./decisions.js";
export { defaultSettings, type Settings } from "./settings.js";
