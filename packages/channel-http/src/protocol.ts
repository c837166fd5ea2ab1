import { maxPacketBytes, type Verdict } from "@multifleet/core";

/** Where a listener takes packets, under the base of its address. */
export const packetsPath = "/v1/packets";
/** The media type of requests and of their answers. */
export const packetsType = "application/vnd.multifleet.packets";
/** The largest request, in bytes. */
export const maxRequestBytes = 4 * 1_024 * 1_024;
/** The most frames in one request. */
export const maxRequestFrames = 1_024;
/** The largest answer to a request, in bytes. */
export const maxResponseBytes = 8 * 1_024 * 1_024;
/** The longest reason that is sent or believed, in bytes. */
const maxReasonBytes = 256;

const codes = ["taken", "refused", "later"] as const satisfies readonly Verdict["code"][];

/** A request body: each frame behind its length as a big-endian u32. */
export function encodeFrames(frames: readonly Uint8Array[]): Buffer {
  const body = Buffer.allocUnsafe(frames.reduce((size, frame) => size + 4 + frame.length, 0));
  let at = 0;
  for (const frame of frames) {
    at = body.writeUInt32BE(frame.length, at);
    body.set(frame, at);
    at += frame.length;
  }
  return body;
}

/** The frames of a request body, as views of it; or what is wrong with it. No frame of a faulty body is used. */
export function decodeFrames(body: Buffer): Buffer[] | "malformed" | "too_large" {
  const frames: Buffer[] = [];
  for (let at = 0; at < body.length;) {
    if (at + 4 > body.length) return "malformed";
    const length = body.readUInt32BE(at);
    if (length > maxPacketBytes || frames.length === maxRequestFrames) return "too_large";
    at += 4 + length;
    if (at > body.length) return "malformed";
    frames.push(body.subarray(at - length, at));
  }
  return frames.length === 0 ? "malformed" : frames;
}

/**
 * An answer body: for each frame of the request, in order, a code (0 taken, 1 refused, 2 later) and, behind its length as
 * a big-endian u32, the far daemon's answer or the reason. Answers that no longer fit are left out; `dropped` says how many.
 */
export function encodeResults(verdicts: readonly Verdict[]): { body: Buffer; dropped: number } {
  let size = verdicts.length * (5 + maxReasonBytes);
  let dropped = 0;
  const parts: Uint8Array[] = [];
  for (const verdict of verdicts) {
    let text = textOf(verdict);
    if (verdict.code === "taken" && (size += text.length) > maxResponseBytes) {
      size -= text.length;
      text = Buffer.alloc(0);
      dropped += 1;
    }
    const head = Buffer.allocUnsafe(5);
    head.writeUInt8(codes.indexOf(verdict.code));
    head.writeUInt32BE(text.length, 1);
    parts.push(head, text);
  }
  return { body: Buffer.concat(parts), dropped };
}

/** Reads the answer to a request of `count` frames; undefined when it is not one. */
export function decodeResults(body: Buffer, count: number): Verdict[] | undefined {
  const verdicts: Verdict[] = [];
  let at = 0;
  while (at + 5 <= body.length && verdicts.length < count) {
    const code = codes[body.readUInt8(at)];
    const length = body.readUInt32BE(at + 1);
    at += 5 + length;
    if (code === undefined || at > body.length) return undefined;
    const text = body.subarray(at - length, at);
    if (code === "taken") verdicts.push(length === 0 ? { code } : { code, answer: text });
    else verdicts.push({ code, reason: printable(text) });
  }
  return at === body.length && verdicts.length === count ? verdicts : undefined;
}

function textOf(verdict: Verdict): Uint8Array {
  if (verdict.code === "taken") return verdict.answer ?? Buffer.alloc(0);
  return Buffer.from(verdict.reason).subarray(0, maxReasonBytes);
}

/** A stranger's words, safe for a log line or a terminal. */
function printable(text: Buffer): string {
  return text.toString("utf8", 0, maxReasonBytes).replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\ufffd]+/gu, " ");
}
