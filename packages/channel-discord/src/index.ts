/**
 * Leaves Multi-Fleet packets in a Discord channel, encrypted, for the day when no other way is left.
 *
 * @packageDocumentation
 */
export { discord, discord as default } from "./discord.js";
export type { DiscordOptions } from "./options.js";
