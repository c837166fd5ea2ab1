import { crc32 } from "node:zlib";

/** Above this length the call into zlib is worth it. */
const short = 64;

const table = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit++) value = (value & 1) === 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
  return value;
});

/** CRC-32 (as in zlib and PNG) over a key's UTF-16 code units, those below 256 as one byte and others as two, and then over the bytes. */
export function checksum(key: string, bytes: Uint8Array): number {
  let crc = -1;
  for (let i = 0; i < key.length; i++) {
    const code = key.charCodeAt(i);
    crc = (table[(crc ^ code) & 255] ?? 0) ^ (crc >>> 8);
    if (code > 255) crc = (table[(crc ^ (code >>> 8)) & 255] ?? 0) ^ (crc >>> 8);
  }
  if (bytes.length > short) return crc32(bytes, ~crc >>> 0);
  for (let i = 0; i < bytes.length; i++) crc = (table[(crc ^ (bytes[i] ?? 0)) & 255] ?? 0) ^ (crc >>> 8);
  return ~crc >>> 0;
}
