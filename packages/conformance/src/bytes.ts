/** Bytes inside a larger buffer, as a daemon has them: a channel that takes the whole buffer for the frame is found out. */
function inside(size: number): Uint8Array {
  return new Uint8Array(size + 8).fill(0xee).subarray(5, 5 + size);
}

/**
 * `size` bytes that look like a sealed packet: any value anywhere. The same `number` makes the same bytes; different
 * numbers make, from 4 bytes on, different ones.
 */
export function frameBytes(number: number, size: number): Uint8Array {
  const bytes = inside(size);
  // xorshift32 (Marsaglia, 2003), seeded by the frame's number; its state must never be 0.
  let state = Math.imul(number, 2_654_435_761) | 1;
  for (let i = 0; i < size; i++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    bytes[i] = state;
  }
  if (size >= 4) new DataView(bytes.buffer, bytes.byteOffset).setUint32(0, number);
  return bytes;
}

/** Whether two runs of bytes are the same. */
export function sameBytes(left: Uint8Array, right: Uint8Array): boolean {
  return Buffer.compare(left, right) === 0;
}

/** What the kit's daemon answers to a frame: never the frame itself, and different for different frames. */
export function answerTo(bytes: Uint8Array): Uint8Array {
  const parts = [0xa5, ...bytes.subarray(0, 64).toReversed(), bytes.length % 251];
  const answer = inside(parts.length);
  answer.set(parts);
  return answer;
}
