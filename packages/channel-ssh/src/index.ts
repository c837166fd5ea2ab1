/**
 * Carries Multi-Fleet packets over SSH: as files into the peer's seed directory, and straight to the peer's daemon.
 *
 * @packageDocumentation
 */
export { both as default, seed, ssh } from "./channels.js";
export type { PeerOptions, SshOptions } from "./options.js";
