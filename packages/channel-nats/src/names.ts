import type { FleetId, NodeId, PacketId } from "@multifleet/core";

/** The stream that keeps copies for nodes that are away. All fleets of a NATS account share it. */
export const streamName = "FLEET_MESSAGES";
/** What the stream takes: fleet, receiver, packet. */
export const storedSubjects = "fleet.*.store.*.*";
/** The KV bucket with one row per node. */
export const bucketName = "fleet_roster";

/** The subjects and names of one node. Fleets, nodes and packets are named by single, plain tokens, so that none needs escaping. */
export class Names {
  readonly fleet: FleetId;
  readonly node: NodeId;

  constructor(fleet: FleetId, node: NodeId) {
    this.fleet = fleet;
    this.node = node;
  }

  /** Where a node takes requests. */
  inbox(node: NodeId = this.node): string {
    return `fleet.${this.fleet}.node.${node}.in`;
  }

  /** Under which this node gets its answers. Under its own name, so that a server can keep others from reading along. */
  get replies(): string {
    return `${this.#private}.re`;
  }

  /** Under which the stream hands this node what it kept for it. */
  get feed(): string {
    return `${this.#private}.fed`;
  }

  /** Under which the table's rows are read to this node. */
  get rows(): string {
    return `${this.#private}.row`;
  }

  /** Beside `fleet`, so that who keeps all of `fleet.>` in a stream keeps no answers, and no copies of copies. */
  get #private(): string {
    return `_INBOX.fleet.${this.fleet}.${this.node}`;
  }

  /** One subject for each copy: so one stream serves all, and holds no copy twice. */
  stored(node: NodeId, packet: PacketId | "*"): string {
    return `fleet.${this.fleet}.store.${node}.${packet}`;
  }

  /** This node's place in the stream. */
  get consumer(): string {
    return `${this.fleet}_${this.node}`;
  }
}

/** Whether an answer may be published to `subject`. Nobody makes us speak in our own name to the server's API. */
export function isReplySubject(subject: string): boolean {
  return /^(?:_INBOX|_R_)\.[^\s*>]{1,200}$/.test(subject);
}

/** Whether `pattern`, as a stream or a user's permissions have it, takes in `subject`. */
export function covers(pattern: string, subject: string): boolean {
  const tokens = subject.split(".");
  const wanted = pattern.split(".");
  for (const [at, token] of wanted.entries()) {
    if (token === ">") return tokens.length > at;
    if (tokens[at] === undefined || (token !== "*" && token !== tokens[at])) return false;
  }
  return wanted.length === tokens.length;
}
