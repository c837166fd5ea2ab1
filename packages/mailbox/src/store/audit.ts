import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { endianness } from "node:os";
import { intact } from "../codec.js";
import { MailboxError } from "../errors.js";
import {
  checkOverflow,
  Damage,
  overflowValue,
  readFreeList,
  readMeta,
  readPage,
  type Meta,
  type Node,
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

class Audit {
  readonly #fd: number;
  readonly #meta: Meta;
  readonly #seen: Uint8Array;
  readonly #page: Buffer[] = [];
  #count = { branches: 0, leaves: 0, overflows: 0, entries: 0 };
  /** No key may come that is smaller than this one; nor the same one unless `itself`. */
  #bound: { readonly key: Buffer; readonly itself: boolean } | undefined;

  constructor(fd: number, meta: Meta) {
    this.#fd = fd;
    this.#meta = meta;
    const inFile = Math.ceil(fstatSync(fd).size / meta.pageSize);
    // Free pages at the end need not be in the file, but they are never very many.
    if (meta.lastPage > inFile + 1_000_000)
      throw new Damage(`the file ends before its page ${meta.lastPage}`);
    this.#seen = new Uint8Array(meta.lastPage + 1);
  }

  run(): void {
    const { free, main } = this.#meta;
    this.#tree(free, compareNumbers, ({ value }) => {
      for (const { first, pages } of readFreeList(this.#whole(value)))
        for (let page = first; page < first + pages; page++) this.#mark(page);
    });
    this.#tree(main, Buffer.compare, ({ key, value }) => {
      // A value with pages of its own is checked when it is read: only its place is checked here.
      if (Buffer.isBuffer(value) && !intact(key.toString(), value))
        throw new Damage(`the record ${JSON.stringify(key.toString())} is not intact`);
      if (!Buffer.isBuffer(value)) this.#overflowHead(value);
    });
    const { lastPage } = this.#meta;
    if (lastPage > 1 && this.#seen[lastPage] !== 1)
      throw new Damage(`nothing is known of its last page ${lastPage}`);
  }

  #tree(tree: Tree, compare: (a: Buffer, b: Buffer) => number, visit: (node: Node) => void): void {
    this.#count = { branches: 0, leaves: 0, overflows: 0, entries: 0 };
    this.#bound = undefined;
    if (tree.root !== undefined) this.#walk(tree.root, 1, tree.depth, compare, visit);
    for (const name of ["branches", "leaves", "overflows", "entries"] as const)
      if (this.#count[name] !== tree[name])
        throw new Damage(`${this.#count[name]} ${name} where the root counts ${tree[name]}`);
  }

  #walk(
    index: number,
    level: number,
    depth: number,
    compare: (a: Buffer, b: Buffer) => number,
    visit: (node: Node) => void,
  ): void {
    this.#mark(index);
    const { pageSize, transaction } = this.#meta;
    const bytes = (this.#page[level] ??= Buffer.alloc(pageSize));
    if (readSync(this.#fd, bytes, 0, pageSize, index * pageSize) < pageSize)
      throw new Damage(`the file ends before its page ${index}`);
    const { kind, nodes } = readPage(bytes, index, transaction);
    if ((kind === "leaf") !== (level === depth))
      throw new Damage(`page ${index}: a ${kind} at level ${level}`);
    this.#count[kind === "leaf" ? "leaves" : "branches"]++;
    for (const [i, node] of nodes.entries()) {
      // The first key of a branch page is never looked at; every other is the smallest that may be below it.
      if (kind === "leaf" || i > 0) this.#order(index, node.key, compare, kind === "branch");
      if (kind === "branch") this.#walk(node.child, level + 1, depth, compare, visit);
      else {
        this.#count.entries++;
        visit(node);
      }
    }
  }

  #order(index: number, key: Buffer, compare: (a: Buffer, b: Buffer) => number, itself: boolean): void {
    const order = this.#bound === undefined ? 1 : compare(key, this.#bound.key);
    if (order < 0 || (order === 0 && this.#bound?.itself !== true))
      throw new Damage(`page ${index}: keys out of order`);
    this.#bound = { key: Buffer.from(key), itself };
  }

  #overflowHead(ref: { readonly page: number; readonly pages: number; readonly size: number }): Buffer {
    const { pageSize } = this.#meta;
    const head = readAt(this.#fd, ref.page * pageSize, 64);
    if (head.length < 64) throw new Damage(`the file ends before its page ${ref.page}`);
    checkOverflow(head, ref, pageSize);
    if (fstatSync(this.#fd).size < (ref.page + ref.pages) * pageSize)
      throw new Damage(`the file ends inside the value at page ${ref.page}`);
    for (let page = ref.page; page < ref.page + ref.pages; page++) this.#mark(page);
    this.#count.overflows += ref.pages;
    return head;
  }

  #whole(value: Node["value"]): Buffer {
    if (Buffer.isBuffer(value)) return value;
    this.#overflowHead(value);
    const { pageSize } = this.#meta;
    return overflowValue(readAt(this.#fd, value.page * pageSize, value.pages * pageSize), value.size);
  }

  #mark(page: number): void {
    if (page < 2 || page >= this.#seen.length) throw new Damage(`page ${page} is outside of the file`);
    if (this.#seen[page] === 1) throw new Damage(`page ${page} is in two places`);
    this.#seen[page] = 1;
  }
}

function compareNumbers(a: Buffer, b: Buffer): number {
  if (a.length !== 8 || b.length !== 8) throw new Damage("a list of free pages has no number");
  const [left, right] = [a.readBigUInt64LE(), b.readBigUInt64LE()];
  return left < right ? -1 : left > right ? 1 : 0;
}
