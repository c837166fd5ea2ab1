/**
 * Puts text into the terminal of an agent that runs in Superset on this machine. Experimental.
 *
 * @packageDocumentation
 */
export { superset, type Found, type Superset, type Terminal } from "./superset.js";
export type { SupersetOptions } from "./options.js";
