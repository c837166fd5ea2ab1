/**
 * The reference Multi-Fleet channel: nodes of one process, connected by memory.
 *
 * @packageDocumentation
 */
export { Hub } from "./hub.js";
export { memory, memory as default, type MemoryOptions } from "./memory.js";
