import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { endianness } from "node:os";
import { intactAt } from "../codec.js";
import { MailboxError } from "../errors.js";
import {
  checkOverflow,
  childOf,
  Damage,
  isOverflow,
  keyEnd,
  keyStart,
  overflow,
  overflowValue,
  readFreeList,
  readMeta,
  readPage,
  valueEnd,
  type Meta,
  type Overflow,
  type Tree,
} from "./page.js";

/** The roots are in the first two pages, and no page is larger than 64 KiB. */
const rootBytes = 2 * 65_536;

/**
 * Checks a store's file before LMDB maps it: every page that is in use is where it should be and in one place only, keys are in order,
 * and every record is intact. LMDB itself would follow a damaged page into memory that is not there, and take the process with it.
 * @throws MailboxError `CORRUPT` with what is wrong; the file is only read. Other errors are the file system's.
 */
export function auditFile(file: string, advice: string): void {
  const fd = openSync(file, "r");
  try {
    // While another process writes, what is read is of two ages. Then the store has an owner, and the claim will say so.
    for (let tries = 0; tries < 3; tries++) {
      const before = readAt(fd, 0, rootBytes);
      const damage = before.length === 0 ? undefined : damageIn(fd);
      if (damage === undefined) return;
      if (before.equals(readAt(fd, 0, rootBytes)))
        throw new MailboxError(
          "CORRUPT",
          `${file} is damaged, or not a store of ours: ${damage.message}. ${advice}`,
          {
            cause: damage,
          },
        );
    }
  } finally {
    closeSync(fd);
  }
}

function damageIn(fd: number): Damage | undefined {
  try {
    // LMDB writes numbers as the machine does; where that is the other way round it has to look after itself.
    if (endianness() === "LE") new Audit(fd, newest(fd)).run();
    return undefined;
  } catch (error) {
    if (error instanceof Damage) return error;
    throw error;
  }
}

function newest(fd: number): Meta {
  const first = readMeta(readAt(fd, 0, 512), 0);
  const second = readMeta(readAt(fd, first.pageSize, 512), 1);
  if (Math.abs(first.transaction - second.transaction) > 1)
    throw new Damage("its two roots do not belong together");
  return first.transaction >= second.transaction ? first : second;
}

function readAt(fd: number, at: number, length: number): Buffer {
  const bytes = Buffer.alloc(length);
  return bytes.subarray(0, readSync(fd, bytes, 0, length, at));
}

/** What is done with each entry of a leaf. */
type Visit = (page: Buffer, start: number) => void;
type Compare = (page: Buffer, start: number, end: number, other: Buffer, length: number) => number;

class Audit {
  readonly #fd: number;
  readonly #meta: Meta;
  readonly #size: number;
  readonly #seen: Uint8Array;
  /** One page for each level of a tree, so that a page is still there when those below it have been read. */
  readonly #pages: Buffer[] = [];
  readonly #counts = { branches: 0, leaves: 0, overflows: 0, entries: 0 };
  /** No key may come that is smaller than this one; nor the same one unless `itself`. */
  readonly #bound = { key: Buffer.alloc(2_048), length: -1, itself: false };

  constructor(fd: number, meta: Meta) {
    this.#fd = fd;
    this.#meta = meta;
    this.#size = fstatSync(fd).size;
    // Free pages at the end need not be in the file, but they are never very many.
    if (meta.lastPage > Math.ceil(this.#size / meta.pageSize) + 1_000_000)
      throw new Damage(`the file ends before its page ${meta.lastPage}`);
    this.#seen = new Uint8Array(meta.lastPage + 1);
  }

  run(): void {
    const { free, main, lastPage } = this.#meta;
    this.#tree(free, compareNumbers, (page, start) => {
      for (const { first, pages } of readFreeList(this.#value(page, start)))
        for (let each = first; each < first + pages; each++) this.#mark(each);
    });
    this.#tree(main, compareBytes, (page, start) => {
      // A value with pages of its own is checked when it is read: only its place is checked here.
      if (isOverflow(page, start)) this.#overflowHead(overflow(page, start));
      else if (!intactAt(page, keyStart(start), keyEnd(page, start), valueEnd(page, start)))
        throw new Damage(`the record ${nameOf(page, start)} is not intact`);
    });
    if (lastPage > 1 && this.#seen[lastPage] !== 1)
      throw new Damage(`nothing is known of its last page ${lastPage}`);
  }

  #tree(tree: Tree, compare: Compare, visit: Visit): void {
    const counts = this.#counts;
    Object.assign(counts, { branches: 0, leaves: 0, overflows: 0, entries: 0 });
    this.#bound.length = -1;
    if (tree.root !== undefined) this.#walk(tree.root, 1, tree.depth, compare, visit);
    for (const name of ["branches", "leaves", "overflows", "entries"] as const)
      if (counts[name] !== tree[name])
        throw new Damage(`${counts[name]} ${name} where the root counts ${tree[name]}`);
  }

  #walk(index: number, level: number, depth: number, compare: Compare, visit: Visit): void {
    this.#mark(index);
    const { pageSize, transaction } = this.#meta;
    const page = (this.#pages[level] ??= Buffer.alloc(pageSize));
    if (readSync(this.#fd, page, 0, pageSize, index * pageSize) < pageSize)
      throw new Damage(`the file ends before its page ${index}`);
    const { kind, starts } = readPage(page, index, transaction);
    if ((kind === "leaf") !== (level === depth))
      throw new Damage(`page ${index}: a ${kind} at level ${level}`);
    this.#counts[kind === "leaf" ? "leaves" : "branches"]++;
    for (const [i, start] of starts.entries()) {
      // The first key of a branch page is never looked at; every other is the smallest that may be below it.
      if (kind === "leaf" || i > 0) this.#order(index, page, start, compare, kind === "branch");
      if (kind === "branch") this.#walk(childOf(page, start), level + 1, depth, compare, visit);
      else {
        this.#counts.entries++;
        visit(page, start);
      }
    }
  }

  #order(index: number, page: Buffer, start: number, compare: Compare, itself: boolean): void {
    const bound = this.#bound;
    const [from, to] = [keyStart(start), keyEnd(page, start)];
    if (to - from > bound.key.length) throw new Damage(`page ${index}: a key is too long`);
    const order = bound.length < 0 ? 1 : compare(page, from, to, bound.key, bound.length);
    if (order < 0 || (order === 0 && !bound.itself)) throw new Damage(`page ${index}: keys out of order`);
    bound.length = page.copy(bound.key, 0, from, to);
    bound.itself = itself;
  }

  #overflowHead(ref: Overflow): void {
    const { pageSize } = this.#meta;
    const head = readAt(this.#fd, ref.page * pageSize, 64);
    if (head.length < 64) throw new Damage(`the file ends before its page ${ref.page}`);
    checkOverflow(head, ref, pageSize);
    if (this.#size < (ref.page + ref.pages) * pageSize)
      throw new Damage(`the file ends inside the value at page ${ref.page}`);
    for (let page = ref.page; page < ref.page + ref.pages; page++) this.#mark(page);
    this.#counts.overflows += ref.pages;
  }

  #value(page: Buffer, start: number): Buffer {
    if (!isOverflow(page, start)) return page.subarray(keyEnd(page, start), valueEnd(page, start));
    const ref = overflow(page, start);
    this.#overflowHead(ref);
    const { pageSize } = this.#meta;
    return overflowValue(readAt(this.#fd, ref.page * pageSize, ref.pages * pageSize), ref.size);
  }

  #mark(page: number): void {
    if (page < 2 || page >= this.#seen.length) throw new Damage(`page ${page} is outside of the file`);
    if (this.#seen[page] === 1) throw new Damage(`page ${page} is in two places`);
    this.#seen[page] = 1;
  }
}

const compareBytes: Compare = (page, start, end, other, length) => page.compare(other, 0, length, start, end);

const compareNumbers: Compare = (page, start, end, other, length) => {
  if (end - start !== 8 || (length !== 8 && length >= 0))
    throw new Damage("a list of free pages has no number");
  const [left, right] = [page.readBigUInt64LE(start), other.readBigUInt64LE()];
  return left < right ? -1 : left > right ? 1 : 0;
};

function nameOf(page: Buffer, start: number): string {
  return JSON.stringify(page.toString("utf8", keyStart(start), keyEnd(page, start)));
}
