/**
 * The seed directory: a drop box for frames that needs nobody to be running, and a channel between the nodes of one user on one machine.
 *
 * @packageDocumentation
 */
export { SeedDirectory, SeedDirectoryError } from "./directory.js";
export { isSeedName, seedName } from "@multifleet/core/seed";
export { seed, seed as default, type SeedOptions } from "./seed.js";
