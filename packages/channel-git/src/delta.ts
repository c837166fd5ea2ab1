import { Malformed } from "./failure.js";

/**
 * Applies a git delta: its base's size, its result's size, and then what to copy from the base and what to insert.
 *
 * @param spend Called with the size of the result before anything is made; it throws where that is too much.
 */
export function applyDelta(base: Buffer, delta: Buffer, spend: (bytes: number) => void): Buffer {
  let at = 0;
  const byte = () => {
    const value = delta[at++];
    if (value === undefined) throw new Malformed("half a delta");
    return value;
  };
  const size = () => {
    let value = 0;
    for (let scale = 1, more = true; more; scale *= 128) {
      const next = byte();
      value += (next & 127) * scale;
      more = (next & 128) !== 0;
      if (value > 0xffff_ffff) throw new Malformed("a delta of unheard-of size");
    }
    return value;
  };
  if (size() !== base.length) throw new Malformed("a delta for another base");
  const result = size();
  spend(result);
  const out = Buffer.alloc(result);
  let filled = 0;
  const put = (from: Buffer, begin: number, length: number) => {
    if (length === 0 || begin + length > from.length || filled + length > result)
      throw new Malformed("a delta that leads outside");
    filled += from.copy(out, filled, begin, begin + length);
  };
  while (at < delta.length) {
    const code = byte();
    if (code === 0) throw new Malformed("a delta of another kind");
    if (code & 128) {
      let begin = 0;
      let length = 0;
      for (let bit = 0; bit < 4; bit++) if (code & (1 << bit)) begin += byte() * 256 ** bit;
      for (let bit = 0; bit < 3; bit++) if (code & (16 << bit)) length += byte() * 256 ** bit;
      put(base, begin, length === 0 ? 65_536 : length);
    } else {
      put(delta, at, code);
      at += code;
    }
  }
  if (filled !== result) throw new Malformed("a delta of another size than it says");
  return out;
}
