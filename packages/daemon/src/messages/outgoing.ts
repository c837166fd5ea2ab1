import { createHash } from "node:crypto";
import {
  contentFault,
  isField,
  isNodeId,
  isPacketId,
  newPacketId,
  type Content,
  type NodeId,
  type PacketId,
} from "@multifleet/core";
import type { Draft } from "@multifleet/mailbox";
import type { SendRequest } from "../node.js";
import { Problem } from "../problem.js";
import { parseExpiry } from "./time.js";

/** A message that is fit to be accepted. */
export interface Outgoing {
  readonly draft: Draft;
  readonly content: Content;
  readonly idempotent: boolean;
}

/** Where a message goes: a node, and one of its agent sessions or any. */
export interface Target {
  readonly node: NodeId;
  readonly session: string;
}

/** Reads `mac2` or `mac2/session`. @throws Problem */
export function parseTarget(to: string): Target {
  const slash = to.indexOf("/");
  const node = slash < 0 ? to : to.slice(0, slash);
  const session = slash < 0 ? "" : to.slice(slash + 1);
  if (!isNodeId(node) || (slash >= 0 && session === "") || !isField(session)) {
    throw new Problem(
      "bad_request",
      `to is ${JSON.stringify(to)}: use a node such as "mac2", "mac2/session", "@gpu" or "all"`,
    );
  }
  return { node, session };
}

/** Checks a request to one target and fills in what it leaves out. @throws Problem */
export function compose(
  request: SendRequest,
  target: Target,
  id: PacketId | undefined,
  now: number,
): Outgoing {
  const { type, payload, session = "", key = session, replyTo = "", via = "", idempotent = false } = request;
  for (const [name, text] of Object.entries({ session, key })) {
    if (!isField(text))
      throw new Problem("bad_request", `${name} must be at most 256 bytes without control characters`);
  }
  if (replyTo !== "" && !isPacketId(replyTo))
    throw new Problem("bad_id", `replyTo is ${JSON.stringify(replyTo)}`);
  checkContent(payload);
  const expires = parseExpiry(request.expires, type, now);
  const { node: to, session: toSession } = target;
  // What the caller gave, and nothing that we filled in: the same call made again is the same message.
  const given = [
    type,
    to,
    toSession,
    payload.subject,
    payload.body,
    session,
    replyTo,
    key,
    request.expires ?? "",
    via,
    idempotent,
  ];
  return {
    draft: {
      ...{ id: id ?? newPacketId(now), kind: "message", to, type, session, toSession, replyTo, key },
      ...{ subject: payload.subject, via, created: now, expires },
      fingerprint: createHash("sha256").update(JSON.stringify(given)).digest(),
    },
    content: payload,
    idempotent,
  };
}

function checkContent(content: Content): void {
  const fault = contentFault(content);
  if (fault === undefined) return;
  if (fault.fault === "NOT_UTF8")
    throw new Problem(
      "bad_request",
      `payload.${fault.field} holds a lone surrogate, which has no UTF-8 form`,
    );
  throw new Problem(
    "body_too_large",
    `payload.${fault.field} has ${fault.bytes} bytes; the limit is ${fault.limit}`,
    {
      extra: { limit: fault.limit, bytes: fault.bytes },
    },
  );
}
