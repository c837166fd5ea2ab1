import fc from "fast-check";
import {
  fleetGate,
  fleetId,
  invitationGate,
  isField,
  isNodeId,
  kindBytes,
  newKeyPair,
  nodeId,
  packetId,
  signer,
  verifier,
  type FleetId,
  type Gate,
  type NodeId,
  type Packet,
  type PacketId,
  type PacketKind,
  type Trust,
  type Verifier,
} from "../src/index.js";

export const home = fleetId("home");
export const mac1 = nodeId("mac1");
export const mac2 = nodeId("mac2");
export const mac3 = nodeId("mac3");

export const fleetSecret = new Uint8Array(32).fill(1);
export const gate = fleetGate(fleetSecret);
export const otherGate = fleetGate(new Uint8Array(32).fill(2));
export const doorbell = invitationGate(new Uint8Array(16).fill(3));

export const kinds = Object.keys(kindBytes) as PacketKind[];

/** A node with its keys. */
export function member(name: string) {
  const keys = newKeyPair();
  const seed = Buffer.from(keys.privateKey, "base64url");
  return { name: nodeId(name), seed, signer: signer(keys), verifier: verifier(keys.publicKey) };
}

/** A message from mac1 to mac2, with what differs from it. */
export function packet(different: Partial<Packet> = {}): Packet {
  return {
    kind: "message",
    fleet: home,
    from: mac1,
    to: mac2,
    id: packetId("01jd0000000000000000000000"),
    type: "context",
    session: "s-1",
    toSession: "",
    replyTo: "",
    key: "s-1",
    stream: new Uint8Array(16).fill(9),
    seq: 3,
    base: 2,
    prev: 1,
    created: 1_764_000_000_000,
    expires: 1_764_600_000_000,
    idempotent: false,
    encrypted: false,
    body: new TextEncoder().encode("push the landing page"),
    ...different,
  };
}

/** What mac2 believes, when `members` are its fleet. */
export function trust(
  members: Readonly<Record<string, Verifier>>,
  { gates = [gate], fleet = home, node = mac2 }: { gates?: Gate[]; fleet?: FleetId; node?: NodeId } = {},
): Trust {
  return {
    fleet,
    node,
    gate: (id) => gates.find((known) => Buffer.compare(known.id, id) === 0),
    key: ({ from }) => (Object.hasOwn(members, from) ? members[from] : undefined),
  };
}

const label = fc.stringMatching(/^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/).filter(isNodeId);
const name = fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/).map((text) => text as PacketId);
const field = fc.oneof(
  fc.constantFrom("", "__proto__", "constructor", "\ufeff", "\u202e", "é".repeat(128), "𝄞".repeat(64)),
  fc.string({ unit: "grapheme", maxLength: 40 }).filter(isField),
  fc.string({ unit: "binary-ascii", maxLength: 256 }).filter(isField),
);
const bytes = (maxLength: number) => fc.uint8Array({ maxLength });

/** Any packet at all, with small bodies. */
export const anyPacket: fc.Arbitrary<Packet> = fc
  .record({
    kind: fc.constantFrom(...kinds),
    fleet: label.map((text) => text as string as FleetId),
    from: label,
    to: label,
    id: name,
    type: fc.stringMatching(/^[a-z][a-z0-9_.-]{0,31}$/),
    session: field,
    toSession: field,
    replyTo: fc.oneof(fc.constant<"">(""), name),
    key: field,
    stream: fc.uint8Array({ minLength: 16, maxLength: 16 }),
    numbers: fc.tuple(fc.maxSafeNat(), fc.maxSafeNat(), fc.maxSafeNat()),
    created: fc.maxSafeNat(),
    expires: fc.maxSafeNat(),
    idempotent: fc.boolean(),
    encrypted: fc.boolean(),
    body: bytes(300),
  })
  .map(({ numbers: [a, b, c], ...rest }) => {
    const numbered = rest.kind === "message" || rest.kind === "notice";
    const seq = numbered ? Math.max(a, 1) : 0;
    return { ...rest, seq, base: numbered ? b % seq : b, prev: numbered ? c % seq : 0 };
  });

/** Where the nine texts of a packet begin (at their two bytes of length), and where its body's length stands. */
export function textOffsets(encoded: Uint8Array): number[] {
  const view = new DataView(encoded.buffer, encoded.byteOffset);
  const offsets = [68];
  for (let i = 0; i < 9; i++) {
    const at = offsets[i] ?? 0;
    offsets.push(at + 2 + view.getUint16(at));
  }
  return offsets;
}

/** The place of each text in {@link textOffsets}. */
export const textPlace = {
  fleet: 0,
  from: 1,
  to: 2,
  id: 3,
  type: 4,
  session: 5,
  toSession: 6,
  replyTo: 7,
  key: 8,
  body: 9,
} as const;

/** The packet's bytes with one text (or the body) replaced by `raw`, all lengths adjusted: what only a hostile writer can make. */
export function withRaw(encoded: Uint8Array, place: keyof typeof textPlace, raw: Uint8Array): Uint8Array {
  const i = textPlace[place];
  const width = place === "body" ? 4 : 2;
  const start = textOffsets(encoded)[i] ?? 0;
  const view = new DataView(encoded.buffer, encoded.byteOffset);
  const end = start + width + (width === 4 ? view.getUint32(start) : view.getUint16(start));
  const length = Buffer.alloc(width);
  length.writeUIntBE(raw.length, 0, width);
  const changed = Buffer.concat([encoded.subarray(0, start), length, raw, encoded.subarray(end)]);
  changed.writeUInt32BE(changed.length, 8);
  return new Uint8Array(changed);
}
