import { isField, isNodeId, type NodeId } from "@multifleet/core";
import { isCapability, maxCapabilities } from "./capability.js";

/** Whether a node may be chief: `may`, `prefer` before those that may, or `never`. */
export type Role = "may" | "prefer" | "never";

/** What one node says of itself: a row of the roster, and a part of its hellos. As JSON; times are the node's own clock's. */
export interface Entry {
  readonly node_id: NodeId;
  /** RFC 3339: when this was said. */
  readonly last_seen: string;
  readonly version: string;
  /** Declared and detected ones, sorted. */
  readonly capabilities: readonly string[];
  /** Versions of what was detected, by capability. */
  readonly tools: Readonly<Record<string, string>>;
  /** Peers it has heard itself, lately. */
  readonly peers_seen: readonly NodeId[];
  /** By peer, the channels that work, best first; its neighbours and those it talks to, not all. */
  readonly channels: Readonly<Record<string, readonly string[]>>;
  /** The commit of the repository it was started in. */
  readonly git_head: string | null;
  /** The agent session that was active last, and all that were lately. */
  readonly claude_session: string | null;
  readonly sessions: readonly string[];
  /** The chief as it knows it, and the chief's term. The node itself: it is chief. */
  readonly chief: NodeId | null;
  readonly term: number;
  readonly chief_role: Role;
  /** Neighbours that it found gone, each with the stamp of the last word it knows from them: void as soon as there is a later one. */
  readonly absent: Readonly<Record<string, number>>;
  /** The channel whose board it reads and writes, if any. */
  readonly board: string | null;
  /** It is about to end. */
  readonly leaving: boolean;
  /** Rises with each word of this node: milliseconds since the epoch, or one more than the last. Of two, the higher is right. */
  readonly stamp: number;
}

/** The roster's part of a hello. */
export interface Word {
  /** The stamp of the receiver's newest entry that the sender has; 0 for none. */
  readonly has: number;
  /** The sender's own, where the receiver does not have it yet. */
  readonly entry?: Entry;
}

/** The largest entry as JSON, in bytes. */
export const maxEntryBytes = 16_384;
const most = { text: 256, list: 64, stamp: 8.64e15, term: 2 ** 48 };

/** Reads an entry out of parsed JSON that its node has signed. Undefined when it is none; members this version does not know are left out. */
export function readEntry(value: unknown): Entry | undefined {
  if (!isRecord(value)) return undefined;
  const { node_id, last_seen, version, git_head, claude_session, chief, term, chief_role, board, stamp } =
    value;
  if (!isNodeId(node_id) || !isText(last_seen) || !isText(version)) return undefined;
  if (!isCount(stamp, most.stamp) || !isCount(term, most.term)) return undefined;
  if (chief !== null && !isNodeId(chief)) return undefined;
  if (chief_role !== "may" && chief_role !== "prefer" && chief_role !== "never") return undefined;
  const capabilities = listOf(value["capabilities"], isCapability, maxCapabilities);
  const peers_seen = listOf(value["peers_seen"], isNodeId);
  const sessions = listOf(value["sessions"], isText);
  const tools = recordOf(value["tools"], isCapability, isText);
  const channels = recordOf(value["channels"], isNodeId, (each) => listOf(each, isText) !== undefined);
  const absent = recordOf(value["absent"], isNodeId, (each) => isCount(each, most.stamp));
  if (capabilities === undefined || peers_seen === undefined || sessions === undefined) return undefined;
  if (tools === undefined || channels === undefined || absent === undefined) return undefined;
  return {
    ...{ node_id, last_seen, version, capabilities, peers_seen, sessions, chief, term, chief_role, stamp },
    tools: tools as Entry["tools"],
    channels: channels as Entry["channels"],
    absent: absent as Entry["absent"],
    git_head: textOrNull(git_head),
    claude_session: textOrNull(claude_session),
    board: textOrNull(board),
    leaving: value["leaving"] === true,
  };
}

/** What an entry says, apart from when, and from whom it heard: two that say the same give the same text. */
export function contentOf(entry: Omit<Entry, "stamp" | "last_seen">): string {
  return JSON.stringify({ ...entry, stamp: 0, last_seen: "", peers_seen: [] });
}

/** Reads the roster's part of a hello, out of parsed JSON that the sender has signed. Undefined when it is none. */
export function readWord(value: unknown): Word | undefined {
  if (!isRecord(value)) return undefined;
  const { has, entry } = value;
  if (!isCount(has, most.stamp)) return undefined;
  const read = entry === undefined ? undefined : readEntry(entry);
  return read === undefined ? { has } : { has, entry: read };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isText(value: unknown): value is string {
  return isField(value);
}

function textOrNull(value: unknown): string | null {
  return isText(value) && value !== "" ? value : null;
}

function isCount(value: unknown, limit: number): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0 && (value as number) <= limit;
}

function listOf<T>(value: unknown, is: (each: unknown) => each is T, limit = most.list): T[] | undefined {
  if (!Array.isArray(value) || value.length > limit || !value.every(is)) return undefined;
  return value;
}

/** The record without a prototype, so that no name in it means anything to the language. */
function recordOf(
  value: unknown,
  isKey: (key: unknown) => boolean,
  isValue: (each: unknown) => boolean,
): Record<string, unknown> | undefined {
  if (!isRecord(value)) return undefined;
  const entries = Object.entries(value);
  if (entries.length > most.list || !entries.every(([key, each]) => isKey(key) && isValue(each)))
    return undefined;
  return Object.assign(Object.create(null) as Record<string, unknown>, value);
}
