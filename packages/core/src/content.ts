import { maxBodyBytes, maxSubjectBytes } from "./limits.js";
import type { Content } from "./packet.js";
import { decodeText } from "./wire.js";

const encoder = new TextEncoder();

/** What is wrong with a message's content, or undefined. `bytes` is the UTF-8 length of the field that is too long. */
export type ContentFault =
  | {
      readonly field: "subject" | "body";
      readonly fault: "TOO_LARGE";
      readonly bytes: number;
      readonly limit: number;
    }
  | { readonly field: "subject" | "body"; readonly fault: "NOT_UTF8" };

/** Checks content before it is accepted, so that no channel and no receiver has to refuse it later. */
export function contentFault(content: Content): ContentFault | undefined {
  for (const [field, limit] of [
    ["subject", maxSubjectBytes],
    ["body", maxBodyBytes],
  ] as const) {
    const text = content[field];
    // A lone surrogate has no UTF-8 form: encoding it would change the text without a word.
    if (!text.isWellFormed()) return { field, fault: "NOT_UTF8" };
    const bytes = Buffer.byteLength(text);
    if (bytes > limit) return { field, fault: "TOO_LARGE", bytes, limit };
  }
  return undefined;
}

/** A message's body on the wire: 2 bytes of length and the subject, then the text, both UTF-8. @throws TypeError for faulty content. */
export function encodeContent(content: Content): Uint8Array {
  const wrong = contentFault(content);
  if (wrong !== undefined) throw new TypeError(`the ${wrong.field} cannot be sent: ${wrong.fault}`);
  const subject = encoder.encode(content.subject);
  const body = encoder.encode(content.body);
  const bytes = new Uint8Array(2 + subject.length + body.length);
  new DataView(bytes.buffer).setUint16(0, subject.length);
  bytes.set(subject, 2);
  bytes.set(body, 2 + subject.length);
  return bytes;
}

/** Reads what {@link encodeContent} wrote; undefined when it is not that. */
export function decodeContent(bytes: Uint8Array): Content | undefined {
  if (bytes.length < 2) return undefined;
  const end = 2 + new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint16(0);
  if (end > bytes.length) return undefined;
  const subject = decodeText(bytes.subarray(2, end));
  const body = decodeText(bytes.subarray(end));
  if (subject === undefined || body === undefined) return undefined;
  return contentFault({ subject, body }) === undefined ? { subject, body } : undefined;
}
