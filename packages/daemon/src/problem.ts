/** Every error the local API can answer: its stable code, HTTP status and title. RFC 9457's `type` is `urn:multifleet:problem:CODE`. */
export const problems = {
  bad_json: [400, "The request body is not JSON"],
  bad_request: [400, "The request is not what this endpoint takes"],
  bad_id: [400, "Not a packet id"],
  no_upgrade: [400, "This API does not change protocols"],
  unauthorized: [401, "A token is needed, or the one given is wrong"],
  forbidden_origin: [403, "Browsers may not call this API"],
  not_found: [404, "There is no such thing"],
  unknown_message: [404, "No message has this id"],
  unknown_item: [404, "No inbox item has this id"],
  unknown_recipient: [404, "No member of this fleet has this name"],
  unknown_capability: [404, "No live node has this capability"],
  unknown_peer: [404, "No member of this fleet has this name"],
  method_not_allowed: [405, "This endpoint does not take this method"],
  request_timeout: [408, "The request took too long"],
  id_conflict: [409, "This id was used for another message"],
  not_settled: [409, "The message is still on its way"],
  already_settled: [409, "The message has ended already"],
  node_name_taken: [409, "Another node of the fleet has this name"],
  already_member: [409, "This node is a member of a fleet with others"],
  not_authority: [409, "Invitations are made where the fleet was created"],
  port_taken: [409, "Another program listens on this port"],
  nats_server_missing: [409, "The program nats-server is not installed"],
  nats_server_failed: [502, "The nats-server did not start"],
  body_too_large: [413, "The body is over the limit"],
  request_too_large: [413, "The request is over the limit"],
  unsupported_media_type: [415, "The request body must be application/json"],
  wrong_host: [421, "The Host header is not this node's address"],
  invitation_invalid: [422, "The invitation is not valid"],
  invitation_expired: [422, "The invitation has expired"],
  invitation_used: [422, "The invitation was used up"],
  inviter_unreachable: [502, "The inviting node does not answer"],
  quota_exceeded: [429, "Too much is waiting in the outbox"],
  internal: [500, "The node failed"],
  store_failed: [503, "The store failed"],
  too_many_connections: [503, "Too many connections at a time"],
  shutting_down: [503, "The node is shutting down"],
  disk_full: [507, "The disk is full"],
} as const satisfies Record<string, readonly [number, string]>;

export type ProblemCode = keyof typeof problems;

/** An error with an answer for the user: what is wrong, where, and what to do. Anything else that is thrown becomes `internal`. */
export class Problem extends Error {
  override readonly name = "Problem";
  readonly code: ProblemCode;
  readonly status: number;
  /** Members beside RFC 9457's own, such as `limit` or `retry_after_s`. */
  readonly extra: Readonly<Record<string, unknown>>;

  constructor(
    code: ProblemCode,
    detail: string,
    options: { cause?: unknown; extra?: Record<string, unknown> } = {},
  ) {
    super(detail, options.cause === undefined ? {} : { cause: options.cause });
    this.code = code;
    this.status = problems[code][0];
    this.extra = options.extra ?? {};
  }
}
