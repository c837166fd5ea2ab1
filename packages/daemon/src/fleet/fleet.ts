import { randomBytes } from "node:crypto";
import {
  equalBytes,
  fleetGate,
  fleetId,
  isFleetId,
  isNodeId,
  newKeyPair,
  signer,
  verifier,
  type FleetId,
  type Gate,
  type KeyPair,
  type NodeId,
  type Packet,
  type Signer,
  type Trust,
  type Verifier,
} from "@multifleet/core";
import * as z from "zod";
import { explain, StartFailure } from "../failure.js";
import { readPrivate, writePrivate } from "../private-files.js";
import type { Identity } from "./identity.js";
import {
  readMembership,
  signedMembershipSchema,
  signMembership,
  type Member,
  type Membership,
  type SignedMembership,
} from "./membership.js";

const fleetFile = z.strictObject({
  node: z.string().refine(isNodeId, "not a node name"),
  fleet: z.string().refine(isFleetId, "not a fleet name"),
  /** 32 random bytes in base64url that all members share. */
  secret: z.string().min(43),
  authority: z.strictObject({ publicKey: z.string(), privateKey: z.string().optional() }),
  membership: signedMembershipSchema,
});

type FleetFile = z.infer<typeof fleetFile>;

/** What a new member is given, apart from where its peers are. */
export interface Admission {
  readonly node: NodeId;
  readonly fleet: FleetId;
  readonly secret: string;
  readonly authority: string;
  readonly membership: SignedMembership;
}

/** The fleet as this node knows it: who it is here, the shared secret, and who belongs. Kept in `fleet.json`. */
export class Fleet implements Trust {
  readonly #path: string;
  readonly #identity: Identity;
  #file: FleetFile;
  #membership: Membership;
  #gate: Gate;
  #authority: Verifier;
  #signer: Signer | undefined;
  readonly #verifiers = new Map<string, Verifier>();
  readonly #members = new Map<NodeId, Member>();

  private constructor(path: string, identity: Identity, file: FleetFile) {
    this.#path = path;
    this.#identity = identity;
    this.#file = file;
    [this.#membership, this.#gate, this.#authority, this.#signer] = this.#read(file);
    this.#index();
  }

  /** Reads `fleet.json`, or makes a fleet of one node. @param node The name for a new one, or one that must fit. @throws StartFailure */
  static open(
    path: string,
    identity: Identity,
    name: { readonly asked: NodeId | undefined; readonly otherwise: NodeId },
  ): Fleet {
    const text = readPrivate(path);
    if (text === undefined) {
      const fleet = new Fleet(path, identity, found(name.asked ?? name.otherwise, identity));
      fleet.#save();
      return fleet;
    }
    let fleet: Fleet;
    try {
      fleet = new Fleet(path, identity, fleetFile.parse(JSON.parse(text)));
    } catch (thrown) {
      throw new StartFailure(
        `${path} is damaged (${explain(thrown)}). Restore it from a copy; if it is lost, move it away and join the fleet again.`,
        { cause: thrown },
      );
    }
    if (name.asked !== undefined && name.asked !== fleet.node) {
      throw new StartFailure(
        `this home is node ${fleet.node}, not ${name.asked}. Leave out the name, or give another home with --home.`,
      );
    }
    return fleet;
  }

  get node(): NodeId {
    return this.#file.node;
  }

  get fleet(): FleetId {
    return this.#membership.fleet;
  }

  get version(): number {
    return this.#membership.version;
  }

  /** All members but this node. */
  get peers(): readonly NodeId[] {
    return [...this.#members.keys()].filter((node) => node !== this.node);
  }

  /** What this node seals with. */
  get keys(): { readonly gate: Gate; readonly signer: Signer } {
    return { gate: this.#gate, signer: this.#identity.signer };
  }

  /** Whether this node admits others: it holds the authority's key. */
  get isAuthority(): boolean {
    return this.#signer !== undefined;
  }

  get secret(): string {
    return this.#file.secret;
  }

  get authorityKey(): string {
    return this.#file.authority.publicKey;
  }

  get signedMembership(): SignedMembership {
    return this.#file.membership;
  }

  member(node: NodeId): Member | undefined {
    return this.#members.get(node);
  }

  gate(id: Uint8Array): Gate | undefined {
    return equalBytes(id, this.#gate.id) ? this.#gate : undefined;
  }

  key(packet: Packet): Verifier | undefined {
    return this.#verifiers.get(packet.from);
  }

  /** Admits a node. Only the authority can. @throws TypeError when the name is taken or this node is not the authority. */
  admit(member: Member): void {
    if (this.#signer === undefined) throw new TypeError("only the authority admits");
    if (this.#members.has(member.node)) throw new TypeError(`${member.node} is a member already`);
    const next = {
      ...this.#membership,
      version: this.version + 1,
      members: [...this.#membership.members, member],
    };
    this.#take({ ...this.#file, membership: signMembership(next, this.#signer) });
  }

  /** Takes over a newer membership of this fleet, signed by its authority. `older` covers the one we have. */
  replace(signed: SignedMembership): "taken" | "older" | "invalid" {
    const next = readMembership(signed, this.#authority);
    if (next === undefined || next.fleet !== this.fleet) return "invalid";
    if (next.version <= this.version) return "older";
    this.#take({ ...this.#file, membership: signed });
    return "taken";
  }

  /** Leaves the fleet of one for another that admitted this node. @throws Error when the admission does not hold this node. */
  adopt(admission: Admission): void {
    const { node, fleet, secret, authority, membership } = admission;
    const file: FleetFile = { node, fleet, secret, authority: { publicKey: authority }, membership };
    const [next] = this.#read(file);
    if (next.members.find((member) => member.node === node)?.key !== this.#identity.keys.publicKey) {
      throw new Error("the membership does not hold this node's key");
    }
    this.#take(file);
  }

  #read(file: FleetFile): [Membership, Gate, Verifier, Signer | undefined] {
    const authority = verifier(file.authority.publicKey);
    const membership = readMembership(file.membership, authority);
    if (membership === undefined || membership.fleet !== file.fleet)
      throw new Error("the membership is not signed by the fleet's authority");
    const { publicKey, privateKey } = file.authority;
    const own = privateKey === undefined ? undefined : signer({ publicKey, privateKey } satisfies KeyPair);
    return [membership, fleetGate(Buffer.from(file.secret, "base64url")), authority, own];
  }

  #take(file: FleetFile): void {
    const read = this.#read(file);
    const before = this.#file;
    this.#file = file;
    try {
      this.#save();
    } catch (thrown) {
      this.#file = before;
      throw thrown;
    }
    [this.#membership, this.#gate, this.#authority, this.#signer] = read;
    this.#index();
  }

  #index(): void {
    this.#members.clear();
    this.#verifiers.clear();
    for (const member of this.#membership.members) {
      this.#members.set(member.node, member);
      this.#verifiers.set(member.node, verifier(member.key));
    }
  }

  #save(): void {
    writePrivate(this.#path, `${JSON.stringify(this.#file, undefined, 2)}\n`);
  }
}

/** A new fleet whose one member and authority is this node. */
function found(node: NodeId, identity: Identity): FleetFile {
  const authority = newKeyPair();
  const fleet = fleetId(`f${randomBytes(5).toString("hex")}`);
  const self = {
    node,
    key: identity.keys.publicKey,
    recipient: identity.age.recipient,
    admitted: new Date().toISOString(),
  };
  return {
    node,
    fleet,
    secret: randomBytes(32).toString("base64url"),
    authority,
    membership: signMembership({ fleet, version: 1, members: [self] }, signer(authority)),
  };
}
