import {
  fleetId,
  isFleetId,
  isNodeId,
  verifier,
  type FleetId,
  type NodeId,
  type Signer,
  type Verifier,
} from "@multifleet/core";
import * as z from "zod";

/** A node that belongs to a fleet, as its authority admitted it. */
export interface Member {
  readonly node: NodeId;
  /** Its Ed25519 public key in base64url, pinned for good. */
  readonly key: string;
  /** Its age recipient. */
  readonly recipient: string;
  /** When it was admitted (RFC 3339). */
  readonly admitted: string;
}

/** Who belongs to a fleet. Of two, the one with the higher version is right. */
export interface Membership {
  readonly fleet: FleetId;
  readonly version: number;
  readonly members: readonly Member[];
}

/** A membership as it travels: exactly the text that the authority signed. */
export interface SignedMembership {
  readonly document: string;
  /** Ed25519 over the domain and the text, in base64url. */
  readonly signature: string;
}

export const signedMembershipSchema = z.strictObject({
  document: z.string().max(600_000),
  signature: z.string(),
});

const memberSchema = z.strictObject({
  node: z.string().refine(isNodeId),
  key: z.string().refine(isKey),
  recipient: z.string().regex(/^age1[0-9a-z]{10,4000}$/),
  admitted: z.string(),
});

const membershipSchema = z.strictObject({
  fleet: z.string().refine(isFleetId),
  version: z.int().min(1),
  members: z.array(memberSchema).max(10_000),
});

const domain = "multifleet/v1/membership\0";

/** Whether `text` is an Ed25519 public key. */
export function isKey(text: string): boolean {
  try {
    verifier(text);
    return true;
  } catch {
    return false;
  }
}

export function signMembership(membership: Membership, authority: Signer): SignedMembership {
  const document = JSON.stringify(membership);
  return { document, signature: Buffer.from(authority.sign(signedBytes(document))).toString("base64url") };
}

/** The membership that a signed text states; undefined when the authority did not sign it or it states none. */
export function readMembership(signed: SignedMembership, authority: Verifier): Membership | undefined {
  if (!authority.verify(signedBytes(signed.document), Buffer.from(signed.signature, "base64url")))
    return undefined;
  const parsed = membershipSchema.safeParse(JSON.parse(signed.document));
  if (!parsed.success) return undefined;
  const { fleet, version, members } = parsed.data;
  const names = new Set(members.map((member) => member.node));
  if (names.size !== members.length) return undefined;
  return { fleet: fleetId(fleet), version, members };
}

function signedBytes(document: string): Uint8Array {
  return new TextEncoder().encode(domain + document);
}
