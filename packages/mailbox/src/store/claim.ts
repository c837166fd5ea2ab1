import { randomUUID } from "node:crypto";
import { codec, number, record, text } from "../codec.js";
import { InUseError } from "../errors.js";
import { meta } from "../keys.js";
import { processMark } from "./process.js";
import type { Store } from "./store.js";

const key = meta.owner;
const owners = codec(record({ pid: number, mark: text(), nonce: text(), about: text(), since: number }));

/** The claims that this process holds, however often this module was loaded: two copies of it must not both be the writer. */
const held: Set<string> = ((globalThis as Record<symbol, unknown>)[
  Symbol.for("@multifleet/mailbox/claims")
] ??= new Set<string>()) as Set<string>;

/**
 * Makes this process the store's one writer, in one transaction: of two that try at once one wins. The claim of a process that is gone
 * is taken over. The writer deletes its record with its last commit, and calls `release` after it.
 * @throws InUseError when another writer lives.
 */
export function claimStore(store: Store, about: string, now: number): { release(): void } {
  const nonce = randomUUID();
  const mark = processMark(process.pid) ?? "";
  store.exclusively((inside) => {
    const bytes = inside.get(key);
    const owner = bytes && owners.decode(key, bytes);
    if (owner !== undefined && owns(owner)) throw new InUseError(owner);
    inside.put(key, owners.encode(key, { pid: process.pid, mark, nonce, about, since: now }));
  });
  held.add(nonce);
  return { release: () => void held.delete(nonce) };
}

function owns(owner: { readonly pid: number; readonly mark: string; readonly nonce: string }): boolean {
  // A claim of ours that could not be given back, as on a full disk, is nobody's.
  if (owner.pid === process.pid) return held.has(owner.nonce);
  return processMark(owner.pid) === owner.mark;
}
