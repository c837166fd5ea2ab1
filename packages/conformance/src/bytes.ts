/**
 * `size` bytes that look like a sealed packet: any value anywhere. The same `number` makes the same bytes; different
 * numbers make, from 4 bytes on, different ones.
 */
export function frameBytes(number: number, size: number): Uint8Array {
  const bytes = new Uint8Array(size);
  // xorshift32 (Marsaglia, 2003), seeded by the frame's number; its state must never be 0.
  let state = Math.imul(number, 2_654_435_761) | 1;
  for (let i = 0; i < size; i++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    bytes[i] = state;
  }
  if (size >= 4) new DataView(bytes.buffer).setUint32(0, number);
  return bytes;
}

/** Whether two runs of bytes are the same. */
export function sameBytes(left: Uint8Array, right: Uint8Array): boolean {
  return Buffer.compare(left, right) === 0;
}

/** What the kit's daemon answers to a frame: never the frame itself, and different for different frames. */
export function answerTo(bytes: Uint8Array): Uint8Array {
  return Uint8Array.from([0xa5, ...bytes.subarray(0, 64).toReversed(), bytes.length % 251]);
}
