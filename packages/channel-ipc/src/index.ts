/**
 * Carries Multi-Fleet packets between the nodes of one user on one machine.
 *
 * @packageDocumentation
 */
export { ipc, ipc as default } from "./ipc.js";
export type { IpcOptions } from "./options.js";
