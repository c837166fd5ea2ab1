import { invitationGate, open, seal, verifier, type Frame, type Link, type NodeId } from "@multifleet/core";
import type { Sealing } from "../messages/sealing.js";
import { Problem } from "../problem.js";
import type { Addresses } from "../peers.js";
import type { Fleet } from "./fleet.js";
import type { Identity } from "./identity.js";
import { decodeInvitation, type Invitation } from "./invitation.js";
import { readWelcome, type Welcome } from "./welcome.js";

export interface AskingHost {
  readonly fleet: Fleet;
  readonly identity: Identity;
  readonly sealing: Sealing;
  readonly stream: Uint8Array;
  readonly version: string;
  now(): number;
  addresses(): Addresses;
  /** Learns where the inviting node is, and gives the open channels that deliver to it, best first. */
  prepare(inviter: NodeId, addresses: Addresses): Promise<readonly WayIn[]>;
}

/** An open channel to an inviting node. */
export interface WayIn {
  readonly name: string;
  readonly link: Link;
}

type Admitted = Extract<Welcome, { outcome: "admitted" }>;

/** How long the inviting node may take to answer over one channel, in milliseconds. */
const patience = 5_000;

/** Asks the node that a code names to be let in, and returns what it said and where the fleet is. @throws Problem */
export async function askToJoin(
  code: string,
  name: NodeId,
  host: AskingHost,
): Promise<{ readonly invitation: Invitation; readonly welcome: Admitted }> {
  const invitation = decodeInvitation(code);
  if (invitation === undefined)
    throw new Problem(
      "invitation_invalid",
      "the code is not an invitation, or a part of it is missing; copy all of it, from mf1- on",
    );
  if (invitation.expires <= host.now())
    throw new Problem(
      "invitation_expired",
      `the invitation expired at ${new Date(invitation.expires).toISOString()}; ask ${invitation.node} for a new one`,
    );
  if (name === invitation.node)
    throw new Problem(
      "node_name_taken",
      `the inviting node is named ${name} too; choose another name with --node`,
    );
  const welcome = await exchange(invitation, name, host);
  if (welcome.outcome === "admitted") return { invitation, welcome };
  switch (welcome.reason) {
    case "expired":
      throw new Problem(
        "invitation_expired",
        `the invitation has expired; ask ${invitation.node} for a new one`,
      );
    case "used":
      throw new Problem(
        "invitation_used",
        `the invitation was used already; ask ${invitation.node} for a new one`,
      );
    case "name_taken":
      throw new Problem(
        "node_name_taken",
        `the fleet has a node named ${name}; choose another name with --node`,
      );
    case "invalid":
      throw new Problem(
        "invitation_invalid",
        `${invitation.node} does not know this invitation; ask it for a new one`,
      );
  }
}

async function exchange(invitation: Invitation, name: NodeId, host: AskingHost): Promise<Welcome> {
  const gate = invitationGate(Buffer.from(invitation.secret, "base64url"));
  const ways = await host.prepare(invitation.node, invitation.addresses);
  const frame = request(invitation, name, host, gate);
  const tried: string[] = [];
  for (const { name: channel, link } of ways) {
    const result = await link.send(frame, { signal: AbortSignal.timeout(patience) });
    if (!result.ok) {
      if (result.error.code === "REFUSED")
        throw new Problem(
          "invitation_invalid",
          `${invitation.node} does not know this invitation; ask it for a new one`,
        );
      tried.push(`${channel}: ${result.error.code}, ${result.error.message}`);
      continue;
    }
    const opened = open(result.answer ?? new Uint8Array(), {
      fleet: invitation.fleet,
      node: name,
      gate: (id) => (Buffer.compare(id, gate.id) === 0 ? gate : undefined),
      // The key in the code: whoever else answers, or changes the answer, is not believed.
      key: () => verifier(invitation.key),
    });
    const fits = opened.ok && opened.packet.from === invitation.node && opened.packet.replyTo === frame.id;
    const welcome =
      opened.ok && fits ? await readWelcome(opened.packet, host.identity.age.identity) : undefined;
    if (welcome !== undefined) return welcome;
    tried.push(
      `${channel}: the answer is not from ${invitation.node}${opened.ok ? "" : ` (${opened.code})`}`,
    );
  }
  const how = tried.length === 0 ? "the code names no address that this node can reach" : tried.join("; ");
  throw new Problem("inviter_unreachable", `${invitation.node} was not reached: ${how}`);
}

function request(
  invitation: Invitation,
  name: NodeId,
  host: AskingHost,
  gate: ReturnType<typeof invitationGate>,
): Frame {
  const { identity, sealing, stream, version, now } = host;
  const asked = {
    key: identity.keys.publicKey,
    recipient: identity.age.recipient,
    addresses: host.addresses(),
    version,
  };
  const letter = {
    kind: "join",
    type: "join",
    to: invitation.node,
    body: new TextEncoder().encode(JSON.stringify(asked)),
    expires: now() + 60_000,
  } as const;
  const packet = {
    ...sealing.packet(letter, { stream, seq: 0, base: 0, prev: 0 }, now()),
    fleet: invitation.fleet,
    from: name,
  };
  const { bytes } = seal(packet, { gate, signer: identity.signer });
  return { id: packet.id, to: invitation.node, bytes };
}
