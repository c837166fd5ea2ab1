import { createHash } from "node:crypto";
import { inflateSync } from "node:zlib";
import { applyDelta } from "./delta.js";
import { Malformed, Oversized } from "./failure.js";

/** What a pack may hold. */
export interface PackLimits {
  readonly objects: number;
  /** The bytes of one object, and of all together, once inflated. */
  readonly object: number;
  readonly total: number;
}

export interface GitObject {
  readonly type: "commit" | "tree" | "blob" | "tag";
  readonly bytes: Buffer;
}

const types = ["", "commit", "tree", "blob", "tag"] as const;
const [ofsDelta, refDelta] = [6, 7];
/** After so many inflated bytes others have their turn. */
const turn = 1_024 * 1_024;

interface Delta {
  readonly at: number;
  readonly bytes: Buffer;
}

/**
 * Reads a pack of a stranger: every size is checked before it is believed, nothing is inflated beyond what it declared, and each delta is
 * applied once. isomorphic-git's own reader inflates whatever it is given.
 *
 * @returns The objects by their names, which are the hashes of what they hold.
 * @throws ChannelError
 */
export async function readPack(pack: Buffer, limits: PackLimits): Promise<Map<string, GitObject>> {
  const found = new Map<string, GitObject>();
  if (pack.length < 32 || pack.toString("latin1", 0, 4) !== "PACK" || pack.readUInt32BE(4) !== 2)
    throw new Malformed("no pack");
  const end = pack.length - 20;
  if (!createHash("sha1").update(pack.subarray(0, end)).digest().equals(pack.subarray(end)))
    throw new Malformed("a pack with another checksum");
  const count = pack.readUInt32BE(8);
  if (count > limits.objects) throw new Oversized(`a pack of ${count} objects`);

  const byOffset = new Map<number, GitObject>();
  /** Deltas whose base has not come yet: by its offset, or its name. */
  const waiting = new Map<number | string, Delta[]>();
  let total = 0;
  let sinceTurn = 0;
  const spend = (bytes: number) => {
    if (bytes > limits.object) throw new Oversized(`an object of ${bytes} bytes`);
    total += bytes;
    sinceTurn += bytes;
    if (total > limits.total) throw new Oversized("a pack that inflates to more than is read");
  };
  const keep = (first: number, object: GitObject) => {
    const ready = [{ at: first, object }];
    for (let next = ready.pop(); next !== undefined; next = ready.pop()) {
      const name = nameOf(next.object);
      found.set(name, next.object);
      byOffset.set(next.at, next.object);
      for (const key of [next.at, name]) {
        for (const { at, bytes } of waiting.get(key) ?? [])
          ready.push({ at, object: { type: next.object.type, bytes: applyDelta(next.object.bytes, bytes, spend) } });
        waiting.delete(key);
      }
    }
  };

  let at = 12;
  for (let index = 0; index < count; index++) {
    const begin = at;
    const head = readHead(pack, at, end);
    at = head.at;
    let base: number | string | undefined;
    if (head.type === ofsDelta) {
      const { value, at: next } = readOffset(pack, at, end);
      base = begin - value;
      at = next;
    } else if (head.type === refDelta) {
      if (at + 20 > end) throw new Malformed("half a pack");
      base = pack.toString("hex", at, at + 20);
      at += 20;
    }
    spend(head.size);
    const { bytes, used } = inflate(pack.subarray(at, end), head.size);
    at += used;
    const type = types[head.type];
    if (base !== undefined) {
      const known = typeof base === "number" ? byOffset.get(base) : found.get(base);
      if (known === undefined) waiting.set(base, [...(waiting.get(base) ?? []), { at: begin, bytes }]);
      else keep(begin, { type: known.type, bytes: applyDelta(known.bytes, bytes, spend) });
    } else if (type === undefined || type === "") throw new Malformed(`an object of type ${head.type}`);
    else keep(begin, { type, bytes });
    if (sinceTurn > turn) {
      sinceTurn = 0;
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
  if (at !== end || waiting.size > 0) throw new Malformed("a pack that does not add up");
  return found;
}

function nameOf({ type, bytes }: GitObject): string {
  return createHash("sha1").update(`${type} ${bytes.length}\0`).update(bytes).digest("hex");
}

/** The type and size that stand before an object: three bits, and seven to the byte. */
function readHead(pack: Buffer, from: number, end: number): { type: number; size: number; at: number } {
  let at = from;
  let byte = byteAt(pack, at++, end);
  const type = (byte >> 4) & 7;
  let size = byte & 15;
  for (let scale = 16; byte & 128; scale *= 128) {
    byte = byteAt(pack, at++, end);
    size += (byte & 127) * scale;
    if (size > Number.MAX_SAFE_INTEGER / 256) throw new Oversized("an object of unheard-of size");
  }
  return { type, size, at };
}

/** How far back in the pack the base of a delta is. */
function readOffset(pack: Buffer, from: number, end: number): { value: number; at: number } {
  let at = from;
  let byte = byteAt(pack, at++, end);
  let value = byte & 127;
  while (byte & 128) {
    byte = byteAt(pack, at++, end);
    value = (value + 1) * 128 + (byte & 127);
    if (value > end) throw new Malformed("a base before the pack");
  }
  return { value, at };
}

function byteAt(pack: Buffer, at: number, end: number): number {
  const byte = at < end ? pack[at] : undefined;
  if (byte === undefined) throw new Malformed("half a pack");
  return byte;
}

/** Inflates what is exactly `size` bytes, and says how many it read of `data`. */
function inflate(data: Buffer, size: number): { bytes: Buffer; used: number } {
  let result: { buffer: Buffer; engine: { bytesWritten: number } };
  try {
    // With `info` Node returns the engine too, which its types do not know.
    result = inflateSync(data, { maxOutputLength: Math.max(size, 1), info: true }) as never;
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === "ERR_BUFFER_TOO_LARGE") throw new Oversized("an object that inflates to more than it says");
    throw new Malformed(`an object that does not inflate: ${String(code)}`);
  }
  if (result.buffer.length !== size) throw new Malformed("an object of another size than it says");
  return { bytes: result.buffer, used: result.engine.bytesWritten };
}
