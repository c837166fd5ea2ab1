/**
 * Wakes a sleeping Multi-Fleet peer with a magic packet.
 *
 * @packageDocumentation
 */
export { wol, wol as default } from "./wol.js";
export type { Wake, WolOptions } from "./options.js";
