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
  const decrypter = new Decrypter();
  check("identity", () => decrypter.addIdentity(identity));
  // A member could ask for seconds of work with a header of thousands of recipients.
  if (!Buffer.from(body.subarray(0, maxHeaderBytes)).includes("\n--- ")) return undefined;
  let plain: Uint8Array;
  try {
    plain = await decrypter.decrypt(body);
  } catch {
    return undefined;
  }
  const head = header(envelope);
  if (plain.length < head.length || Buffer.compare(plain.subarray(0, head.length), head) !== 0)
    return undefined;
  return plain.subarray(head.length);
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
