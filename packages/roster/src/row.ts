import {
  decodeText,
  isNodeId,
  newPacketId,
  open,
  seal,
  type NodeId,
  type Signer,
  type Trust,
  type Gate,
} from "@multifleet/core";
import { maxEntryBytes, readEntry, type Entry } from "./entry.js";

/** The type of the packet inside a row: nothing that is carried from node to node has it. */
const rowType = "roster";
const mark = ',"sealed":"';
const encoder = new TextEncoder();

/** How long a row may be believed, in milliseconds: far longer than any refresh takes. */
const lifetime = 7 * 86_400_000;

/** Why a row was refused. */
export type RowFault = "KEY" | "FORM" | "TOO_LARGE" | "SEAL" | "OWNER" | "EXPIRED" | "ALTERED" | "ENTRY";

/** A row as read: the entry that its node signed, or why there is none. */
export type Row =
  | { readonly ok: true; readonly entry: Entry }
  | { readonly ok: false; readonly fault: RowFault };

/**
 * A row's bytes: the entry as JSON, with one more member at its end, `sealed`, which is a packet in base64 that the node signed to itself and
 * whose body is the same JSON without that member. People and `jq` read the members, nodes believe the packet alone.
 */
export function writeRow(entry: Entry, { fleet, gate, signer, stream }: RowKeys): Uint8Array {
  const text = JSON.stringify(entry);
  const { bytes } = seal(
    {
      ...{ kind: "hello", type: rowType, fleet, from: entry.node_id, to: entry.node_id },
      id: newPacketId(entry.stamp),
      ...{ session: "", toSession: "", replyTo: "", key: "", stream, seq: 0, base: 0, prev: 0 },
      ...{ created: entry.stamp, expires: entry.stamp + lifetime },
      ...{ idempotent: false, encrypted: false, body: encoder.encode(text) },
    },
    { gate, signer },
  );
  return encoder.encode(`${text.slice(0, -1)}${mark}${Buffer.from(bytes).toString("base64")}"}`);
}

/** What a node seals its rows with. */
export interface RowKeys {
  readonly fleet: Trust["fleet"];
  readonly gate: Gate;
  readonly signer: Signer;
  /** The stream of the node's store, 16 bytes. */
  readonly stream: Uint8Array;
}

/** Reads the row under `key`. What it says counts only if the node of that name signed it, for this row and this fleet. Never throws. */
export function readRow(
  key: string,
  value: Uint8Array,
  trust: Pick<Trust, "fleet" | "gate" | "key">,
  now: number,
): Row {
  if (!isNodeId(key)) return { ok: false, fault: "KEY" };
  if (value.length > 3 * maxEntryBytes) return { ok: false, fault: "TOO_LARGE" };
  const text = decodeText(value);
  const at = text?.lastIndexOf(mark) ?? -1;
  if (text === undefined || at < 0 || !text.endsWith('"}')) return { ok: false, fault: "FORM" };
  const sealed = text.slice(at + mark.length, -2);
  const bytes = Buffer.from(sealed, "base64");
  // One way to write each row: what differs in no byte that counts differs all the same.
  if (bytes.toString("base64") !== sealed) return { ok: false, fault: "FORM" };
  const opened = open(bytes, {
    fleet: trust.fleet,
    node: key,
    gate: (id) => trust.gate(id),
    key: (packet) => trust.key(packet),
  });
  if (!opened.ok) return { ok: false, fault: "SEAL" };
  const { packet } = opened;
  if (packet.from !== key || packet.kind !== "hello" || packet.type !== rowType)
    return { ok: false, fault: "OWNER" };
  if (now >= packet.expires) return { ok: false, fault: "EXPIRED" };
  const said = decodeText(packet.body);
  // What people are shown is what was signed: an altered copy of the members is no row.
  if (said === undefined || said !== `${text.slice(0, at)}}`) return { ok: false, fault: "ALTERED" };
  const entry = parse(said, key);
  return entry?.stamp === packet.created ? { ok: true, entry } : { ok: false, fault: "ENTRY" };
}

function parse(text: string, node: NodeId): Entry | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // The caller counts what is no entry.
    return undefined;
  }
  const entry = readEntry(value);
  return entry?.node_id === node ? entry : undefined;
}
