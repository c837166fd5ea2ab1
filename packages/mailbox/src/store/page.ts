/*
 * LMDB's data file, version 2, as 64-bit little-endian machines have it (mdb.c: MDB_meta, MDB_page_header, MDB_node).
 * Enough of it to tell a damaged file from a whole one before LMDB, which trusts what it maps, is handed it.
 */
const pageHead = 24;
const nodeHead = 8;
const overflowRef = 24;

/** Thrown inside an audit; its message says which page and what is wrong. */
export class Damage extends Error {}

/** One tree of the file, as its root says it is. */
export interface Tree {
  readonly flags: number;
  readonly depth: number;
  readonly branches: number;
  readonly leaves: number;
  readonly overflows: number;
  readonly entries: number;
  readonly root: number | undefined;
}

/** One of the two roots; the one with the higher transaction number is the file's content. */
export interface Meta {
  readonly pageSize: number;
  readonly free: Tree;
  readonly main: Tree;
  readonly lastPage: number;
  readonly transaction: number;
}

/** A page whose entries are all inside of it: where each begins, in the order of their keys. */
export interface Page {
  readonly kind: "branch" | "leaf";
  readonly starts: readonly number[];
}

/** Where a value is that has pages of its own. */
export interface Overflow {
  readonly page: number;
  readonly pages: number;
  readonly size: number;
}

/** @throws Damage when these bytes, from a page's beginning, are not a root. */
export function readMeta(bytes: Buffer, index: number): Meta {
  const fault = (what: string) => new Damage(`root ${index}: ${what}`);
  if (bytes.length < pageHead + 144) throw fault("the file ends too early");
  if (bytes.readUInt32LE(24) !== 0xbeefc0de) throw fault("this is no LMDB file");
  if ((bytes.readUInt32LE(28) & 0xffff) !== 2) throw fault("an unknown version of LMDB's format");
  if (number(bytes, 0) !== index || bytes.readUInt16LE(18) !== 8) throw fault("not a root page");
  if (number(bytes, 32) !== 0) throw fault("a mapping address that cannot be");
  const pageSize = bytes.readUInt32LE(48);
  if (pageSize < 512 || pageSize > 65_536 || (pageSize & (pageSize - 1)) !== 0)
    throw fault(`a page size of ${pageSize}`);
  const meta = {
    pageSize,
    free: readTree(bytes, 48),
    main: readTree(bytes, 96),
    lastPage: number(bytes, 144),
    transaction: number(bytes, 152),
  };
  if (meta.free.flags !== 8 || meta.main.flags !== 0) throw fault("unknown flags");
  if (meta.transaction > 0 && meta.transaction % 2 !== index)
    throw fault("a transaction number out of place");
  return meta;
}

function readTree(bytes: Buffer, at: number): Tree {
  const root = bytes.readBigUInt64LE(at + 40);
  return {
    flags: bytes.readUInt16LE(at + 4),
    depth: bytes.readUInt16LE(at + 6),
    branches: number(bytes, at + 8),
    leaves: number(bytes, at + 16),
    overflows: number(bytes, at + 24),
    entries: number(bytes, at + 32),
    root: root === 0xffff_ffff_ffff_ffffn ? undefined : number(bytes, at + 40),
  };
}

/** Reads page `index` of a tree. @throws Damage when it is not one that LMDB can have written. */
export function readPage(bytes: Buffer, index: number, transaction: number): Page {
  const fault = (what: string) => new Damage(`page ${index}: ${what}`);
  if (number(bytes, 0) !== index) throw fault(`it says it is page ${number(bytes, 0)}`);
  if (number(bytes, 8) > transaction) throw fault("it is newer than its root");
  // 0x2000 remembers that a value went to pages of its own.
  const flags = bytes.readUInt16LE(18) & ~0x2000;
  if (flags !== 1 && flags !== 2) throw fault(`unknown flags ${flags}`);
  const kind = flags === 1 ? "branch" : "leaf";
  const [lower, upper] = [bytes.readUInt16LE(20), bytes.readUInt16LE(22)];
  const room = bytes.length - pageHead;
  if (lower % 2 !== 0 || lower > upper || upper > room) throw fault("its bounds cross");
  const starts: number[] = [];
  let used = 0;
  for (let at = pageHead; at < pageHead + lower; at += 2) {
    const offset = bytes.readUInt16LE(at);
    if (offset < upper || offset + nodeHead > room) throw fault("an entry is out of bounds");
    const start = pageHead + offset;
    if (kind === "leaf" && bytes.readUInt16LE(start + 4) > 1) throw fault("an entry has unknown flags");
    const size = (kind === "branch" ? keyEnd(bytes, start) : valueEnd(bytes, start)) - start;
    if (offset + size > room) throw fault("an entry is longer than the page");
    starts.push(start);
    used += size + (size % 2);
  }
  if (used !== room - upper) throw fault("its entries overlap or leave gaps");
  return { kind, starts };
}

/** Where the key of the entry at `start` begins. */
export function keyStart(start: number): number {
  return start + nodeHead;
}

/** Where its key ends, and its value begins. */
export function keyEnd(bytes: Buffer, start: number): number {
  return start + nodeHead + bytes.readUInt16LE(start + 6);
}

/** Where what the page holds of its value ends. */
export function valueEnd(bytes: Buffer, start: number): number {
  return keyEnd(bytes, start) + (isOverflow(bytes, start) ? overflowRef : bytes.readUInt32LE(start));
}

/** Whether its value has pages of its own. */
export function isOverflow(bytes: Buffer, start: number): boolean {
  return (bytes.readUInt16LE(start + 4) & 1) === 1;
}

/** Which pages those are. */
export function overflow(bytes: Buffer, start: number): Overflow {
  const at = keyEnd(bytes, start);
  return { page: number(bytes, at), pages: number(bytes, at + 16), size: bytes.readUInt32LE(start) };
}

/** The page below the entry of a branch. */
export function childOf(bytes: Buffer, start: number): number {
  return bytes.readUInt32LE(start) + bytes.readUInt16LE(start + 4) * 2 ** 32;
}

/** Checks the first page of a value that has pages of its own. @throws Damage */
export function checkOverflow(bytes: Buffer, ref: Overflow, pageSize: number): void {
  const needed = Math.floor((pageHead - 1 + ref.size) / pageSize) + 1;
  if (number(bytes, 0) !== ref.page || bytes.readUInt16LE(18) !== 4 || bytes.readUInt32LE(20) !== ref.pages)
    throw new Damage(`page ${ref.page}: not the value that is expected there`);
  if (ref.pages < needed) throw new Damage(`page ${ref.page}: too short for its value`);
}

/** The value that begins behind the head of its first page. */
export function overflowValue(bytes: Buffer, size: number): Buffer {
  return bytes.subarray(pageHead, pageHead + size);
}

/** The page runs that a list of free pages names: how many and from where. @throws Damage */
export function readFreeList(list: Buffer): { readonly first: number; readonly pages: number }[] {
  const count = list.length < 8 ? -1 : number(list, 0);
  if (count < 0 || (count + 1) * 8 > list.length) throw new Damage("a list of free pages is too short");
  const runs: { first: number; pages: number }[] = [];
  let pages = 1;
  for (let i = 1; i <= count; i++) {
    const value = list.readBigInt64LE(i * 8);
    // Zero is an empty place; a negative number is the length of the run that the next one begins.
    if (value < 0n) pages = Number(-value);
    else if (value > 0n) {
      runs.push({ first: Number(value), pages });
      pages = 1;
    }
  }
  return runs;
}

function number(bytes: Buffer, at: number): number {
  // Numbers above 2^53 lose their last digits here; nothing that is whole comes near them.
  return bytes.readUInt32LE(at) + bytes.readUInt32LE(at + 4) * 2 ** 32;
}
