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
const ofsDelta = 6;
const refDelta = 7;
/** After so many inflated bytes others have their turn. */
const turn = 1_024 * 1_024;

/** A delta whose base has not come yet. */
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
export async function readPack(pack: Buffer, limits: PackLimits): Promise<ReadonlyMap<string, GitObject>> {
  if (pack.length < 32 || pack.toString("latin1", 0, 4) !== "PACK" || pack.readUInt32BE(4) !== 2)
    throw new Malformed("no pack");
  const end = pack.length - 20;
  if (!createHash("sha1").update(pack.subarray(0, end)).digest().equals(pack.subarray(end)))
    throw new Malformed("a pack with another checksum");
  const count = pack.readUInt32BE(8);
  if (count > limits.objects) throw new Oversized(`a pack of ${count} objects`);
  const objects = new Objects(limits);
  let at = 12;
  let turns = 0;
  // lint: polling-ok it does its own work piece by piece, so that others have their turn in between
  for (let index = 0; index < count; index++) {
    at = readObject(pack, at, end, objects);
    if (objects.total < (turns + 1) * turn) continue;
    turns = Math.floor(objects.total / turn);
    await new Promise((resolve) => setImmediate(resolve));
  }
  if (at !== end || objects.areAwaited) throw new Malformed("a pack that does not add up");
  return objects.found;
}

/** Reads the object that begins at `begin`. @returns Where the next one begins. */
function readObject(pack: Buffer, begin: number, end: number, objects: Objects): number {
  const { type, size, at: afterHead } = readHead(pack, begin, end);
  let at = afterHead;
  let base: number | string | undefined;
  if (type === ofsDelta) {
    const offset = readOffset(pack, at, end);
    base = begin - offset.value;
    at = offset.at;
  } else if (type === refDelta) {
    if (at + 20 > end) throw new Malformed("half a pack");
    base = pack.toString("hex", at, at + 20);
    at += 20;
  }
  objects.spend(size);
  const { bytes, used } = inflate(pack.subarray(at, end), size);
  const kind = types[type];
  if (base !== undefined) objects.derive(begin, base, bytes);
  else if (kind === undefined || kind === "") throw new Malformed(`an object of type ${type}`);
  else objects.keep(begin, { type: kind, bytes });
  return at + used;
}

/** The objects of a pack as they become known. */
class Objects {
  readonly found = new Map<string, GitObject>();
  /** How many bytes were inflated and made, in all. */
  total = 0;
  readonly #limits: PackLimits;
  readonly #byOffset = new Map<number, GitObject>();
  /** By the offset of their base, or its name. */
  readonly #waiting = new Map<number | string, Delta[]>();

  constructor(limits: PackLimits) {
    this.#limits = limits;
  }

  get areAwaited(): boolean {
    return this.#waiting.size > 0;
  }

  /** Allows so many bytes of one object. @throws Oversized */
  spend(bytes: number): void {
    if (bytes > this.#limits.object) throw new Oversized(`an object of ${bytes} bytes`);
    this.total += bytes;
    if (this.total > this.#limits.total) throw new Oversized("a pack that inflates to more than is read");
  }

  /** Keeps an object, and all that waited for it. */
  keep(at: number, object: GitObject): void {
    const ready = [{ at, object }];
    for (let next = ready.pop(); next !== undefined; next = ready.pop()) {
      const { object: base } = next;
      const name = nameOf(base);
      this.found.set(name, base);
      this.#byOffset.set(next.at, base);
      for (const key of [next.at, name]) {
        for (const delta of this.#waiting.get(key) ?? [])
          ready.push({ at: delta.at, object: this.#apply(base, delta.bytes) });
        this.#waiting.delete(key);
      }
    }
  }

  /** Keeps what a delta makes of its base, now or when that is there. */
  derive(at: number, base: number | string, delta: Buffer): void {
    const known = typeof base === "number" ? this.#byOffset.get(base) : this.found.get(base);
    if (known !== undefined) return this.keep(at, this.#apply(known, delta));
    const waiting = this.#waiting.get(base);
    if (waiting === undefined) this.#waiting.set(base, [{ at, bytes: delta }]);
    else waiting.push({ at, bytes: delta });
  }

  #apply({ type, bytes }: GitObject, delta: Buffer): GitObject {
    return { type, bytes: applyDelta(bytes, delta, (size) => this.spend(size)) };
  }
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
