import { Decrypter, Encrypter, generateX25519Identity, identityToRecipient } from "age-encryption";
import type { FleetId, NodeId, PacketId } from "./ids.js";

/**
 * Whom an encrypted body is from and for; a packet is one. It is repeated inside the ciphertext, so that nobody can re-address it,
 * not even to a node of the same name in another fleet.
 */
export interface Envelope {
  readonly fleet: FleetId;
  readonly from: NodeId;
  readonly to: NodeId;
  readonly id: PacketId;
}

/** The longest age header that is read. A recipient takes some 100 bytes of it, a post-quantum one 1,600; each makes work for the reader. */
const maxHeaderBytes = 4_096;

/** A new X25519 identity (`AGE-SECRET-KEY-1...`) and its recipient (`age1...`). */
export async function newAgeIdentity(): Promise<{ readonly identity: string; readonly recipient: string }> {
  const identity = await generateX25519Identity();
  return { identity, recipient: await identityToRecipient(identity) };
}

/**
 * Encrypts a packet's body, before the packet is signed: to its receiver, and to the sender too where it must read it again.
 * @throws TypeError when one of `recipients` is not an age recipient, or there is none: nobody could read it.
 */
export async function encryptBody(
  body: Uint8Array,
  envelope: Envelope,
  ...recipients: readonly string[]
): Promise<Uint8Array> {
  if (recipients.length === 0) throw new TypeError("nobody to encrypt to");
  const encrypter = new Encrypter();
  check("recipient", () => recipients.forEach((recipient) => encrypter.addRecipient(recipient)));
  const head = header(envelope);
  const plain = new Uint8Array(head.length + body.length);
  plain.set(head);
  plain.set(body, head.length);
  return encrypter.encrypt(plain);
}

/**
 * Decrypts a body; undefined when it is not for `identity`, was changed, or names another fleet, sender, receiver or packet inside.
 * @throws TypeError when `identity` is not an age identity.
 */
export async function decryptBody(
  body: Uint8Array,
  envelope: Envelope,
  identity: string,
): Promise<Uint8Array | undefined> {
  const plain = await decrypt(body, identity);
  if (plain === undefined) return undefined;
  const head = header(envelope);
  if (plain.length < head.length || Buffer.compare(plain.subarray(0, head.length), head) !== 0)
    return undefined;
  return plain.subarray(head.length);
}

async function decrypt(bytes: Uint8Array, identity: string): Promise<Uint8Array | undefined> {
  const decrypter = new Decrypter();
  check("identity", () => decrypter.addIdentity(identity));
  // A member could ask for seconds of work with a header of thousands of recipients.
  if (!Buffer.from(bytes.subarray(0, maxHeaderBytes)).includes("\n--- ")) return undefined;
  try {
    return await decrypter.decrypt(bytes);
  } catch {
    return undefined;
  }
}

function check(what: "recipient" | "identity", use: () => void): void {
  try {
    use();
  } catch (cause) {
    throw new TypeError(`not an age ${what}`, { cause });
  }
}

function header({ fleet, from, to, id }: Envelope): Uint8Array {
  // Ids hold no line ends, so that these lines can be read in one way only.
  return new TextEncoder().encode(`multifleet/v1/body\n${fleet}\n${from}\n${to}\n${id}\n`);
}

/**
 * Hides whole frames from carriers that others run, such as a git host or a chat service: they see neither what a packet says nor from
 * whom it is. Apart from the encryption of bodies, which a fleet may leave off among its own machines.
 */
export interface FrameCover {
  /** Encrypts a frame to the node it goes to; undefined when that node's age recipient is not known. */
  cover(frame: Uint8Array, to: NodeId): Promise<Uint8Array | undefined>;
  /** The frame again; undefined when it is not for this node, or was changed. Says nothing of who made it: the frame's own seal does. */
  uncover(bytes: Uint8Array): Promise<Uint8Array | undefined>;
}

/**
 * @param identity This node's age identity.
 * @param recipientOf The age recipient of a node.
 */
export function frameCover(identity: string, recipientOf: (node: NodeId) => string | undefined): FrameCover {
  return {
    async cover(frame, to) {
      const recipient = recipientOf(to);
      if (recipient === undefined) return undefined;
      const encrypter = new Encrypter();
      check("recipient", () => encrypter.addRecipient(recipient));
      return encrypter.encrypt(Buffer.concat([coverMark, frame]));
    },
    async uncover(bytes) {
      const plain = await decrypt(bytes, identity);
      if (plain === undefined || Buffer.compare(plain.subarray(0, coverMark.length), coverMark) !== 0)
        return undefined;
      return plain.subarray(coverMark.length);
    },
  };
}

/** So that an encrypted body is never taken for a covered frame, nor the other way round. */
const coverMark = new TextEncoder().encode("multifleet/v1/frame\n");
