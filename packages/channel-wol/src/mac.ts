declare const canonical: unique symbol;
/** The hardware address of one network card: six pairs of lower-case hex digits with hyphens between them. */
export type Mac = string & { readonly [canonical]: true };

const writings = [
  /^[0-9a-f]{12}$/,
  /^[0-9a-f]{2}(?:-[0-9a-f]{2}){5}$/,
  /^[0-9a-f]{2}(?::[0-9a-f]{2}){5}$/,
  /^[0-9a-f]{4}(?:\.[0-9a-f]{4}){2}$/,
];

/**
 * Reads a MAC address in any usual writing: `aa:bb:cc:dd:ee:ff`, `AA-BB-CC-DD-EE-FF`, `aabb.ccdd.eeff`, `aabbccddeeff`. Undefined for anything
 * else, and for what is no single card's address: all zeros, and every multicast address, which broadcast is one of.
 */
export function parseMac(text: string): Mac | undefined {
  const written = text.toLowerCase();
  if (!writings.some((writing) => writing.test(written))) return undefined;
  const digits = digitsOf(written);
  const isGroup = (Number.parseInt(digits.slice(0, 2), 16) & 1) === 1;
  if (isGroup || /^0+$/.test(digits)) return undefined;
  return (digits.match(/../g) ?? []).join("-") as Mac;
}

/** The twelve hex digits alone. */
export function digitsOf(mac: string): string {
  return mac.replaceAll(/[^0-9a-f]/g, "");
}
