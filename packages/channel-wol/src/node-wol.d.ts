declare module "node-wol" {
  /** @param mac Twelve hex digits; others are not checked reliably. */
  export function createMagicPacket(mac: string): Buffer;
}
