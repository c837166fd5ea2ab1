import { randomBytes } from "node:crypto";
import {
  invitationGate,
  isNodeId,
  newPacketId,
  open,
  seal,
  verifier,
  type Gate,
  type NodeId,
  type Packet,
  type Verdict,
  type Verifier,
} from "@multifleet/core";
import type { Mailbox } from "@multifleet/mailbox";
import * as z from "zod";
import type { NodeCounters } from "../books.js";
import type { Log } from "../log.js";
import type { Sealing } from "../messages/sealing.js";
import type { Addresses, Peers } from "../peers.js";
import { Problem } from "../problem.js";
import type { Fleet } from "./fleet.js";
import { addressesSchema, encodeInvitation } from "./invitation.js";
import { isKey } from "./membership.js";
import { welcomeBody, type Welcome } from "./welcome.js";

export interface AdmissionHost {
  readonly counters: NodeCounters;
  readonly log: Log;
  readonly fleet: Fleet;
  readonly mailbox: Mailbox;
  readonly peers: Peers;
  readonly sealing: Sealing;
  now(): number;
  addresses(): Addresses;
  /** A node was admitted: the others are to be told. */
  admitted(node: NodeId): void;
}

/** An invitation as its maker keeps it. */
interface Kept {
  readonly secret: string;
  readonly expires: number;
  readonly uses: number;
  /** Public keys of those who came in by it. */
  readonly used: readonly string[];
}

/** How long a spent invitation is remembered, so that whoever comes with it is told why it does not work. */
const remembered = 30 * 86_400_000;
/** The most invitations that are kept at a time. */
const most = 64;

const joinSchema = z.object({
  key: z.string().refine(isKey),
  recipient: z.string().regex(/^age1[0-9a-z]{10,4000}$/),
  addresses: addressesSchema,
  version: z.string().max(64),
});

/** Makes invitations, and admits those who come with one. Only where the fleet's authority key is. */
export class Admissions {
  readonly #host: AdmissionHost;
  readonly #gates = new Map<string, Gate>();
  #turn: Promise<unknown> = Promise.resolve();

  constructor(host: AdmissionHost) {
    this.#host = host;
    for (const { secret } of this.#kept()) this.#know(secret);
  }

  async invite(options: {
    readonly uses: number;
    readonly lifetime: number;
  }): Promise<{ readonly code: string; readonly expires: number }> {
    const { fleet, now } = this.#host;
    if (!fleet.isAuthority) {
      throw new Problem(
        "not_authority",
        "this node cannot admit others: run multifleet invite on the node that made the fleet",
      );
    }
    const live = this.#kept().filter((kept) => kept.expires + remembered > now());
    if (live.filter((kept) => kept.expires > now()).length >= most) {
      throw new Problem("quota_exceeded", `${most} invitations are open; wait until one is used or expires`, {
        extra: { retry_after_s: 60 },
      });
    }
    const secret = randomBytes(16).toString("base64url");
    const expires = now() + options.lifetime;
    await this.#keep([...live.slice(-4 * most), { secret, expires, uses: options.uses, used: [] }]);
    this.#know(secret);
    const { node } = fleet;
    const key = fleet.keys.signer.publicKey;
    return {
      code: encodeInvitation({
        fleet: fleet.fleet,
        node,
        key,
        secret,
        expires,
        addresses: this.#host.addresses(),
      }),
      expires,
    };
  }

  /** Opens a request to join; undefined when the bytes are sealed with no invitation of ours. */
  async receive(bytes: Uint8Array): Promise<Verdict | undefined> {
    const { fleet } = this.#host;
    let gate: Gate | undefined;
    let asked: z.infer<typeof joinSchema> | undefined;
    const opened = open(bytes, {
      fleet: fleet.fleet,
      node: fleet.node,
      gate: (id) => (gate = this.#gates.get(Buffer.from(id).toString("hex"))),
      // Nobody knows this node yet: it signs with the key that it brings, and the invitation vouches for it.
      key: (packet) => {
        asked = readJoin(packet);
        return asked === undefined ? undefined : (verifier(asked.key) satisfies Verifier);
      },
    });
    if (!opened.ok || gate === undefined || asked === undefined || opened.packet.kind !== "join")
      return undefined;
    const { packet } = opened;
    const request = asked;
    const passed = gate;
    // One at a time: two who come with the last use of one code must not both find it unused.
    const turn = this.#turn.then(() => this.#admit(packet, request, passed));
    // A failure is this caller's; the next one starts all the same.
    this.#turn = Promise.allSettled([turn]);
    const welcome = await turn;
    return { code: "taken", answer: await this.#answer(packet, request.recipient, passed, welcome) };
  }

  async #admit(packet: Packet, asked: z.infer<typeof joinSchema>, gate: Gate): Promise<Welcome> {
    const { fleet, peers, counters, log, now } = this.#host;
    const kept = this.#kept().find(
      ({ secret }) => gateName(invitationGate(Buffer.from(secret, "base64url"))) === gateName(gate),
    );
    const member = fleet.member(packet.from);
    const again = member?.key === asked.key && kept?.used.includes(asked.key) === true;
    const refusal = again ? undefined : this.#refusal(kept, packet.from);
    if (kept === undefined || refusal !== undefined) {
      const reason = refusal ?? "invalid";
      counters.count("joins_refused_total", reason);
      log.warn("join_refused", { node: packet.from, reason });
      return { outcome: "refused", reason };
    }
    if (!again) {
      // The use is spent before the node is in: a crash between the two costs an invitation, never lets one in twice.
      await this.#keep(
        this.#kept().map((each) =>
          each.secret === kept.secret ? { ...each, used: [...each.used, asked.key] } : each,
        ),
      );
      fleet.admit({
        node: packet.from,
        key: asked.key,
        recipient: asked.recipient,
        admitted: new Date(now()).toISOString(),
      });
      counters.count("joins_total");
      log.info("node_admitted", { node: packet.from });
    }
    await peers.hint(packet.from, asked.addresses);
    this.#host.admitted(packet.from);
    const hints: Record<string, Addresses> = { [fleet.node]: this.#host.addresses() };
    for (const peer of fleet.peers) if (peer !== packet.from) hints[peer] = peers.told(peer);
    return {
      outcome: "admitted",
      secret: fleet.secret,
      authority: fleet.authorityKey,
      membership: fleet.signedMembership,
      hints,
    };
  }

  #refusal(kept: Kept | undefined, node: NodeId): "invalid" | "expired" | "used" | "name_taken" | undefined {
    if (kept === undefined) return "invalid";
    if (kept.used.length >= kept.uses) return "used";
    if (this.#host.now() >= kept.expires) return "expired";
    return this.#host.fleet.member(node) !== undefined || node === "all" ? "name_taken" : undefined;
  }

  async #answer(asked: Packet, recipient: string, gate: Gate, welcome: Welcome): Promise<Uint8Array> {
    const { fleet, sealing, now } = this.#host;
    const id = newPacketId(now());
    const body = await welcomeBody(
      welcome,
      { fleet: fleet.fleet, from: fleet.node, to: asked.from, id },
      recipient,
    );
    const letter = {
      kind: "welcome",
      type: "welcome",
      to: asked.from,
      id,
      replyTo: asked.id,
      body,
      encrypted: true,
      expires: asked.expires,
    } as const;
    const slot = { stream: asked.stream, seq: 0, base: 0, prev: 0 };
    return seal(sealing.packet(letter, slot, now()), { gate, signer: fleet.keys.signer }).bytes;
  }

  #kept(): readonly Kept[] {
    return this.#host.mailbox.get<readonly Kept[]>("invitations") ?? [];
  }

  async #keep(kept: readonly Kept[]): Promise<void> {
    await this.#host.mailbox.put("invitations", kept);
  }

  #know(secret: string): void {
    const gate = invitationGate(Buffer.from(secret, "base64url"));
    this.#gates.set(gateName(gate), gate);
  }
}

function gateName(gate: Gate): string {
  return Buffer.from(gate.id).toString("hex");
}

function readJoin(packet: Packet): z.infer<typeof joinSchema> | undefined {
  if (packet.kind !== "join" || !isNodeId(packet.from)) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(packet.body).toString("utf8"));
  } catch {
    return undefined;
  }
  const parsed = joinSchema.safeParse(value);
  return parsed.success ? parsed.data : undefined;
}
