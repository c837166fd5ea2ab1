/**
 * Who in a fleet is alive, what each can do, and which helps as chief. No I/O but {@link detect}: what comes in as an argument decides.
 *
 * @packageDocumentation
 */
export * from "./capability.js";
export * from "./chief.js";
export * from "./contract.js";
export { detect, type Detected, type DetectOptions } from "./detect.js";
export * from "./entry.js";
export { findGitDirectory, readGitHead } from "./git-head.js";
export { rankOf } from "./rank.js";
export { createRoster } from "./roster.js";
export * from "./row.js";
export { defaults, horizon, refreshGap, settingsFor, tellingGap, type Settings } from "./settings.js";
