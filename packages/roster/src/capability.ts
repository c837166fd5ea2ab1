const form = /^[a-z0-9][a-z0-9-]{0,31}$/;

/** The most capabilities that a node tells. */
export const maxCapabilities = 64;

/** Whether `text` may name a capability: 1 to 32 of a-z, 0-9 and hyphens, not beginning with a hyphen. */
export function isCapability(text: unknown): text is string {
  return typeof text === "string" && form.test(text);
}
