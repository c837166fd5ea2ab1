import { createHash } from "node:crypto";
import { isFleetId, isNodeId, type FleetId, type NodeId } from "@multifleet/core";
import * as z from "zod";
import { isKey } from "./membership.js";

/** What an invitation says: whom to ask, how to know that it is they, and the secret that proves that one was invited. */
export interface Invitation {
  readonly fleet: FleetId;
  readonly node: NodeId;
  /** The inviting node's public key: whoever answers must sign with it. */
  readonly key: string;
  /** 16 random bytes in base64url. */
  readonly secret: string;
  /** Milliseconds since the epoch. */
  readonly expires: number;
  /** By channel, where the inviting node is reached. */
  readonly addresses: Readonly<Record<string, readonly string[]>>;
}

/** By channel, where a node is reached; bounded, since it comes from outside. */
export const addressesSchema = z
  .record(z.string().min(1).max(64), z.array(z.string().min(1).max(512)).max(16).readonly())
  .refine((book) => Object.keys(book).length <= 32, "too many channels");

const schema = z.strictObject({
  f: z.string().refine(isFleetId),
  n: z.string().refine(isNodeId),
  k: z.string().refine(isKey),
  s: z.string().regex(/^[A-Za-z0-9_-]{22}$/),
  e: z.int().positive(),
  a: addressesSchema,
});

const prefix = "mf1-";

/** An invitation as one word to paste: `mf1-`, the facts in base64url, and six characters that catch a slip of the hand. */
export function encodeInvitation(invitation: Invitation): string {
  const { fleet: f, node: n, key: k, secret: s, expires: e, addresses: a } = invitation;
  const text = Buffer.from(JSON.stringify({ f, n, k, s, e, a })).toString("base64url");
  return `${prefix}${text}${checksum(text)}`;
}

/** Reads a code; undefined when it is not one, or not all of it. */
export function decodeInvitation(code: string): Invitation | undefined {
  const text = code.replaceAll(/\s/g, "");
  if (!text.startsWith(prefix) || text.length > 16_384) return undefined;
  const facts = text.slice(prefix.length, -6);
  if (checksum(facts) !== text.slice(-6)) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(facts, "base64url").toString("utf8"));
  } catch {
    return undefined;
  }
  const parsed = schema.safeParse(value);
  if (!parsed.success) return undefined;
  const { f, n, k, s, e, a } = parsed.data;
  return { fleet: f, node: n, key: k, secret: s, expires: e, addresses: a };
}

function checksum(text: string): string {
  return createHash("sha256")
    .update(text)
    .digest("base64url")
    .replaceAll(/[^A-Za-z0-9]/g, "0")
    .slice(0, 6);
}
