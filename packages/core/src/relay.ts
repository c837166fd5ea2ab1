import { isNodeId, type NodeId } from "./ids.js";
import { decodeText } from "./wire.js";

/** How many nodes may pass a packet on, one after the other, between its sender and the node it is for. */
export const maxRelayHops = 2;
/**
 * What a relay needs of a packet's room for itself, in bytes: its own seal, and the longest of the names in it. A packet within the
 * limits of a message leaves far more.
 */
export const relayOverheadBytes = 1_024;

/**
 * What a relay is asked: to `carry` the packet now and bring back the answer, or to `keep` a copy and carry it once the target is there.
 */
export type RelayAsk = "carry" | "keep";

/** The body of a packet of kind `relay` that asks. */
export interface RelayRequest {
  /** How many nodes may still pass it on, the one that reads this included: 0 where that is the target itself. */
  readonly hops: number;
  readonly ask: RelayAsk;
  /** The node the packet is for. */
  readonly target: NodeId;
  /** The sealed packet, as its sender made it. Whoever passes it on can neither change it nor, where it is encrypted, read it. */
  readonly packet: Uint8Array;
}

/**
 * What came of it. `delivered`: the target took it, and `answer` is what it said, sealed by itself. `stored`: a durable copy waits here for
 * the target. `unreachable`: no way to the target. `busy`: this node passes on no more for now. `later`: the target asked to come again.
 * `refused`: it is not passed on, and `reason` says why. `turned_away`: the
 * target's own door did not let it in.
 */
export type RelayOutcome =
  | "delivered"
  | "stored"
  | "unreachable"
  | "busy"
  | "later"
  | "refused"
  | "turned_away";

/** All outcomes, each at the place of its byte on the wire less one. */
export const relayOutcomes: readonly RelayOutcome[] = [
  "delivered",
  "stored",
  "unreachable",
  "busy",
  "later",
  "refused",
  "turned_away",
];

/** The body of a packet of kind `relay` that answers. It is the relay's word, and settles nothing: only the `answer` in it can. */
export interface RelayAnswer {
  readonly outcome: RelayOutcome;
  /** 1 to 64 of `a`-`z` and `_`, beginning with a letter; empty where it was delivered or stored. */
  readonly reason: string;
  /** The node behind this one that passed it on as well, or empty. */
  readonly beyond: NodeId | "";
  /** The target's sealed answer; empty where it gave none, and unless delivered. */
  readonly answer: Uint8Array;
}

const asks: readonly RelayAsk[] = ["carry", "keep"];
const reasonName = /^[a-z][a-z_]{0,63}$/;

/** One byte of hops, one of ask (1 carry, 2 keep), then target and packet, each behind two and four bytes of length. @throws TypeError */
export function encodeRelayRequest(request: RelayRequest): Uint8Array {
  if (!isRequest(request)) throw new TypeError("not a relay's request");
  const { hops, ask, target, packet } = request;
  return written([hops, asks.indexOf(ask) + 1], [target], packet);
}

/** Reads what {@link encodeRelayRequest} writes, and nothing else. What it gives shares no memory with `body`. */
export function decodeRelayRequest(body: Uint8Array): RelayRequest | undefined {
  const read = parts(body, 2, 1);
  if (read === undefined) return undefined;
  const request = {
    hops: body[0] ?? 0,
    ask: asks[(body[1] ?? 0) - 1],
    target: read.texts[0],
    packet: read.bytes,
  };
  return isRequest(request) ? request : undefined;
}

/** One byte of outcome (1 delivered ... 7 turned_away), then reason, beyond and answer behind two, two and four bytes of length. @throws TypeError */
export function encodeRelayAnswer(answer: RelayAnswer): Uint8Array {
  if (!isAnswer(answer)) throw new TypeError("not a relay's answer");
  const { outcome, reason, beyond } = answer;
  return written([relayOutcomes.indexOf(outcome) + 1], [reason, beyond], answer.answer);
}

/** Reads what {@link encodeRelayAnswer} writes, and nothing else. What it gives shares no memory with `body`. */
export function decodeRelayAnswer(body: Uint8Array): RelayAnswer | undefined {
  const read = parts(body, 1, 2);
  if (read === undefined) return undefined;
  const [reason, beyond] = read.texts;
  const answer = { outcome: relayOutcomes[(body[0] ?? 0) - 1], reason, beyond, answer: read.bytes };
  return isAnswer(answer) ? answer : undefined;
}

type Raw<Body> = { readonly [Key in keyof Body]: unknown };

function isRequest(body: Raw<RelayRequest>): body is RelayRequest {
  const { hops, ask, target, packet } = body;
  const inRange = Number.isInteger(hops) && Number(hops) >= 0 && Number(hops) <= maxRelayHops;
  return inRange && asks.includes(ask as RelayAsk) && isNodeId(target) && (packet as Uint8Array).length > 0;
}

function isAnswer(body: Raw<RelayAnswer>): body is RelayAnswer {
  const { outcome, reason, beyond, answer } = body;
  if (!relayOutcomes.includes(outcome as RelayOutcome)) return false;
  if (beyond !== "" && !isNodeId(beyond)) return false;
  if (outcome !== "delivered" && (answer as Uint8Array).length > 0) return false;
  const good = outcome === "delivered" || outcome === "stored";
  return good ? reason === "" : typeof reason === "string" && reasonName.test(reason);
}

function written(head: readonly number[], texts: readonly string[], bytes: Uint8Array): Uint8Array {
  const encoded = texts.map((text) => Buffer.from(text));
  const size = encoded.reduce((sum, text) => sum + 2 + text.length, head.length + 4 + bytes.length);
  const body = Buffer.alloc(size);
  body.set(head);
  let at = head.length;
  for (const text of encoded) {
    body.writeUInt16BE(text.length, at);
    body.set(text, at + 2);
    at += 2 + text.length;
  }
  body.writeUInt32BE(bytes.length, at);
  body.set(bytes, at + 4);
  return new Uint8Array(body.buffer, body.byteOffset, body.length);
}

/** The texts and the bytes behind a head; undefined unless they fill the body to its last byte. */
function parts(
  body: Uint8Array,
  head: number,
  count: number,
): { readonly texts: string[]; readonly bytes: Uint8Array } | undefined {
  const buffer = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  const texts: string[] = [];
  let at = head;
  while (texts.length < count) {
    if (at + 2 > buffer.length) return undefined;
    const end = at + 2 + buffer.readUInt16BE(at);
    const text = end > buffer.length ? undefined : decodeText(buffer.subarray(at + 2, end));
    if (text === undefined) return undefined;
    texts.push(text);
    at = end;
  }
  if (at + 4 > buffer.length || at + 4 + buffer.readUInt32BE(at) !== buffer.length) return undefined;
  return { texts, bytes: new Uint8Array(buffer.subarray(at + 4)) };
}
