import type { Verdict } from "./channel.js";

/**
 * Both directions carry messages of one shape: the payload's length and the request's id, each a big-endian u32, then the
 * payload. To the node it is a frame; back comes one byte (0 taken, 1 refused, 2 later) and the answer or the reason.
 */
export const headBytes = 8;
/** The longest reason that is sent or believed, in bytes. */
const maxReasonBytes = 256;

const codes = ["taken", "refused", "later"] as const satisfies readonly Verdict["code"][];

/** A message's bytes: a copy of `parts` behind their head. */
export function encode(id: number, ...parts: readonly Uint8Array[]): Buffer {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const bytes = Buffer.allocUnsafe(headBytes + length);
  bytes.writeUInt32BE(length, 0);
  bytes.writeUInt32BE(id, 4);
  let at = headBytes;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

/** The answer to request `id`. */
export function encodeVerdict(id: number, verdict: Verdict): Buffer {
  const code = Buffer.of(codes.indexOf(verdict.code));
  if (verdict.code === "taken") return encode(id, code, verdict.answer ?? Buffer.alloc(0));
  return encode(id, code, Buffer.from(verdict.reason).subarray(0, maxReasonBytes));
}

/** Reads the payload of an answer; undefined when it is none. */
export function decodeVerdict(payload: Buffer): Verdict | undefined {
  const code = codes[payload[0] ?? codes.length];
  const text = payload.subarray(1);
  if (code === undefined) return undefined;
  if (code !== "taken") return { code, reason: printable(text) };
  return text.length === 0 ? { code } : { code, answer: text };
}

/** A stranger's words, safe for a log line or a terminal. */
function printable(text: Buffer): string {
  return text.toString("utf8", 0, maxReasonBytes).replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\ufffd]+/gu, " ");
}

/** Cuts a stream into messages. What has not arrived takes no memory, whatever length was announced. */
export class Decoder {
  readonly #maxLength: number;
  readonly #emit: (id: number, payload: Buffer) => void;
  #partial = Buffer.alloc(0);
  #size = 0;
  #needed = headBytes;

  /** @param maxLength of a payload, in bytes */
  constructor(maxLength: number, emit: (id: number, payload: Buffer) => void) {
    this.#maxLength = maxLength;
    this.#emit = emit;
  }

  /** The memory that the message in the making takes, in bytes. */
  get held(): number {
    return this.#partial.length;
  }

  /** Whether a message has begun and not ended. */
  get isPartial(): boolean {
    return this.#size > 0;
  }

  /** Takes the next bytes of the stream. @returns false when they announce more than may come; then the stream is over. */
  push(chunk: Buffer): boolean {
    let at = 0;
    while (at < chunk.length) {
      const whole = this.#size === 0 ? this.#lengthAt(chunk, at) : undefined;
      if (whole !== undefined && whole > this.#maxLength) return false;
      if (whole !== undefined && at + headBytes + whole <= chunk.length) {
        this.#emit(chunk.readUInt32BE(at + 4), chunk.subarray(at + headBytes, at + headBytes + whole));
        at += headBytes + whole;
      } else {
        at += this.#keep(chunk, at);
        if (!this.#advance()) return false;
      }
    }
    return true;
  }

  #lengthAt(chunk: Buffer, at: number): number | undefined {
    return at + headBytes <= chunk.length ? chunk.readUInt32BE(at) : undefined;
  }

  /** Adds what the message in the making still needs. @returns How much that was. */
  #keep(chunk: Buffer, at: number): number {
    const more = Math.min(this.#needed - this.#size, chunk.length - at);
    if (this.#size + more > this.#partial.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(this.#size + more, this.#partial.length * 2));
      this.#partial.copy(larger, 0, 0, this.#size);
      this.#partial = larger;
    }
    chunk.copy(this.#partial, this.#size, at, at + more);
    this.#size += more;
    return more;
  }

  #advance(): boolean {
    if (this.#size < this.#needed) return true;
    const length = this.#partial.readUInt32BE(0);
    if (length > this.#maxLength) return false;
    this.#needed = headBytes + length;
    if (this.#size < this.#needed) return true;
    const bytes = this.#partial;
    this.#partial = Buffer.alloc(0);
    this.#size = 0;
    this.#needed = headBytes;
    this.#emit(bytes.readUInt32BE(4), bytes.subarray(headBytes, headBytes + length));
    return true;
  }
}
