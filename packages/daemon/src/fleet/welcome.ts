import { isNodeId, type Packet } from "@multifleet/core";
import type { Envelope } from "@multifleet/core/age";
import * as z from "zod";
import { addressesSchema } from "./invitation.js";
import { signedMembershipSchema } from "./membership.js";

const welcomeSchema = z.discriminatedUnion("outcome", [
  z.object({
    outcome: z.literal("admitted"),
    secret: z.string().min(43),
    authority: z.string(),
    membership: signedMembershipSchema,
    /** Where each node was last known to be. */
    hints: z.record(z.string().refine(isNodeId), addressesSchema),
  }),
  z.object({ outcome: z.literal("refused"), reason: z.enum(["invalid", "expired", "used", "name_taken"]) }),
]);

/** What one who came with an invitation is told. */
export type Welcome = z.infer<typeof welcomeSchema>;

/** A welcome as a packet's body: encrypted, since it holds the fleet's secret and the medium may be plain HTTP. */
export async function welcomeBody(
  welcome: Welcome,
  envelope: Envelope,
  recipient: string,
): Promise<Uint8Array> {
  const { encryptBody } = await import("@multifleet/core/age");
  return encryptBody(new TextEncoder().encode(JSON.stringify(welcome)), envelope, recipient);
}

/** Reads a welcome that was opened with the invitation's gate and the inviter's key; undefined when it is none or not for us. */
export async function readWelcome(packet: Packet, identity: string): Promise<Welcome | undefined> {
  if (packet.kind !== "welcome" || !packet.encrypted) return undefined;
  const { decryptBody } = await import("@multifleet/core/age");
  const plain = await decryptBody(packet.body, packet, identity);
  if (plain === undefined) return undefined;
  const parsed = welcomeSchema.safeParse(JSON.parse(Buffer.from(plain).toString("utf8")));
  return parsed.success ? parsed.data : undefined;
}
