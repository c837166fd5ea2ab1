/**
 * Carries Multi-Fleet packets by HTTP, straight to the peer.
 *
 * @packageDocumentation
 */
export { http, http as default } from "./http.js";
export type { HttpOptions } from "./options.js";
