import { crc32 } from "node:zlib";

/** Above this length the call into zlib is worth it. */
const short = 64;

const table = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit++) value = (value & 1) === 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
  return value;
});

/** CRC-32 (as in zlib and PNG) over a key's UTF-8, and then over the bytes from `start` to `end`. */
export function checksum(key: string, bytes: Uint8Array, start = 0, end = bytes.length): number {
  let crc = -1;
  for (let i = 0; i < key.length; i++) {
    const code = key.charCodeAt(i);
    if (code > 127) return checksumOf(new TextEncoder().encode(key), 0, undefined, bytes, start, end);
    crc = (table[(crc ^ code) & 255] ?? 0) ^ (crc >>> 8);
  }
  return proceed(crc, bytes, start, end);
}

/** The same where the key is in bytes. */
export function checksumOf(
  key: Uint8Array,
  keyStart: number,
  keyEnd: number | undefined,
  bytes: Uint8Array,
  start: number,
  end: number,
): number {
  let crc = -1;
  const stop = keyEnd ?? key.length;
  for (let i = keyStart; i < stop; i++) crc = (table[(crc ^ (key[i] ?? 0)) & 255] ?? 0) ^ (crc >>> 8);
  return proceed(crc, bytes, start, end);
}

function proceed(before: number, bytes: Uint8Array, start: number, end: number): number {
  let crc = before;
  if (end - start > short) return crc32(bytes.subarray(start, end), ~crc >>> 0);
  for (let i = start; i < end; i++) crc = (table[(crc ^ (bytes[i] ?? 0)) & 255] ?? 0) ^ (crc >>> 8);
  return ~crc >>> 0;
}
