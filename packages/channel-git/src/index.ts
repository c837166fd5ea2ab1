/**
 * Carries Multi-Fleet packets through a git remote.
 *
 * @packageDocumentation
 */
export { git, git as default } from "./git.js";
export type { GitOptions } from "./options.js";
