/**
 * Carries Multi-Fleet packets through another node of the fleet that reaches the peer.
 *
 * @packageDocumentation
 */
export type { Forwarder, Reply } from "./forwarder.js";
export type { RelayOptions } from "./options.js";
export { relay, relay as default } from "./relay.js";
