import { digitsOf, type Mac } from "./mac.js";

/** What to type where the library is missing; it goes where Multi-Fleet itself was installed. */
export const remedy =
  "node-wol is not installed: run npm install node-wol (with --global or --prefix, if Multi-Fleet was installed so)";

/** All that is used of the library. */
interface NodeWol {
  /** @param mac Twelve hex digits; others are not checked reliably. */
  createMagicPacket(mac: string): Uint8Array;
}

/** Whether the library is there. It is optional, since its licence is another than ours. Nothing of it is loaded yet. */
export function hasLibrary(): boolean {
  try {
    import.meta.resolve("node-wol");
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ERR_MODULE_NOT_FOUND") return false;
    throw error;
  }
}

/** The 102 bytes that wake a card: six of 0xff, and sixteen times its address. */
export async function magicPacket(mac: Mac): Promise<Uint8Array> {
  // @ts-expect-error -- it comes without types
  const { createMagicPacket } = (await import("node-wol")) as NodeWol;
  return createMagicPacket(digitsOf(mac));
}
