/**
 * Packets, seals, receipts, counters and the Channel contract of Multi-Fleet. No I/O, no state: what comes in as an argument decides.
 *
 * @packageDocumentation
 */
export * from "./channel.js";
export * from "./content.js";
export * from "./counters.js";
export * from "./errors.js";
export * from "./ids.js";
export * from "./keys.js";
export * from "./limits.js";
export * from "./packet.js";
export * from "./receipt.js";
export * from "./relay.js";
export * from "./seal.js";
export { decodePacket, decodeText, isField, isTypeName, packetVersion, type WireError } from "./wire.js";
