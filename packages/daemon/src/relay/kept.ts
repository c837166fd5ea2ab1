import type { NodeId, PacketId } from "@multifleet/core";
import type { Mailbox } from "@multifleet/mailbox";

/** A packet that waits here for its target; its bytes lie in the store. */
export interface Copy {
  readonly target: NodeId;
  /** Whose packet it is. */
  readonly from: NodeId;
  /** Who asked to keep it, and so whose quota it takes. */
  readonly asker: NodeId;
  readonly id: PacketId;
  /** Of the packet, in hex. */
  readonly digest: string;
  /** The stream and the number that it has there, to know when its sender has settled it; 0 for kinds that have none. */
  readonly stream: string;
  readonly seq: number;
  readonly size: number;
  /** Milliseconds since the epoch. */
  readonly expires: number;
  readonly keptAt: number;
}

/** How much is kept: in all, and for one who asks. */
export interface KeptLimits {
  readonly copies: number;
  readonly bytes: number;
  readonly copiesEach: number;
  readonly bytesEach: number;
}

export const keptLimits: KeptLimits = {
  copies: 1_024,
  bytes: 64 * 1_048_576,
  copiesEach: 256,
  bytesEach: 16 * 1_048_576,
};

interface Place {
  readonly slot: number;
  readonly copy: Copy;
  /** Settles once it is durable. */
  readonly stored: Promise<void>;
}

/** Copies that others left here, durable in the node's own store: they outlive its restart. */
export class Kept {
  readonly #store: Pick<Mailbox, "put" | "get" | "delete">;
  readonly #limits: KeptLimits;
  /** By target and digest, in the order they came. */
  readonly #places = new Map<string, Place>();
  readonly #free: number[] = [];
  #bytes = 0;

  /** Reads what the last run kept. @param slots How many places there are at most. */
  constructor(store: Pick<Mailbox, "put" | "get" | "delete">, limits: KeptLimits = keptLimits) {
    this.#store = store;
    this.#limits = limits;
    const found: Place[] = [];
    for (let slot = limits.copies - 1; slot >= 0; slot--) {
      const copy = store.get<Copy>(drawer(slot));
      if (copy === undefined) this.#free.push(slot);
      else found.push({ slot, copy, stored: Promise.resolve() });
    }
    for (const place of found.toSorted((a, b) => a.copy.keptAt - b.copy.keptAt)) this.#enter(place);
  }

  get size(): number {
    return this.#places.size;
  }

  /** The copies for one node, or all, in the order they came. */
  of(target?: NodeId): readonly Copy[] {
    const all = [...this.#places.values()].map(({ copy }) => copy);
    return target === undefined ? all : all.filter((copy) => copy.target === target);
  }

  /** The copy of one packet. */
  find(target: NodeId, digest: string): Copy | undefined {
    return this.#places.get(keyOf({ target, digest }))?.copy;
  }

  /** Keeps a copy; resolves once it is durable, false when there is no room. @throws MailboxError when the store refuses it. */
  async add(copy: Copy, bytes: Uint8Array): Promise<boolean> {
    const known = this.#places.get(keyOf(copy));
    if (known !== undefined) {
      await known.stored;
      return true;
    }
    const slot = this.#hasRoom(copy) ? this.#free.pop() : undefined;
    if (slot === undefined) return false;
    // The bytes first: a copy that is listed has them.
    const puts = [
      this.#store.put(`${drawer(slot)}/bytes`, Buffer.from(bytes).toString("base64")),
      this.#store.put(drawer(slot), copy),
    ];
    const stored = Promise.all(puts).then(() => undefined);
    this.#enter({ slot, copy, stored });
    try {
      await stored;
    } catch (thrown) {
      this.#leave(copy);
      throw thrown;
    }
    return true;
  }

  bytes(copy: Copy): Uint8Array | undefined {
    const place = this.#places.get(keyOf(copy));
    const text = place === undefined ? undefined : this.#store.get<string>(`${drawer(place.slot)}/bytes`);
    return text === undefined ? undefined : Buffer.from(text, "base64");
  }

  /** Forgets a copy, durably; false when it was forgotten before. */
  async drop(copy: Copy): Promise<boolean> {
    const place = this.#places.get(keyOf(copy));
    if (place === undefined) return false;
    this.#places.delete(keyOf(copy));
    this.#bytes -= copy.size;
    await Promise.all([
      this.#store.delete(drawer(place.slot)),
      this.#store.delete(`${drawer(place.slot)}/bytes`),
    ]);
    // Only now: the next in this place must not be deleted with it.
    this.#free.push(place.slot);
    return true;
  }

  #hasRoom({ asker, size }: Copy): boolean {
    const { bytes, copiesEach, bytesEach } = this.#limits;
    const own = this.of().filter((copy) => copy.asker === asker);
    const ownBytes = own.reduce((sum, copy) => sum + copy.size, 0);
    return own.length < copiesEach && ownBytes + size <= bytesEach && this.#bytes + size <= bytes;
  }

  #enter(place: Place): void {
    this.#places.set(keyOf(place.copy), place);
    this.#bytes += place.copy.size;
  }

  #leave(copy: Copy): void {
    const place = this.#places.get(keyOf(copy));
    if (place === undefined) return;
    this.#places.delete(keyOf(copy));
    this.#bytes -= copy.size;
    this.#free.push(place.slot);
  }
}

function drawer(slot: number): string {
  return `relay/${slot}`;
}

function keyOf({ target, digest }: Pick<Copy, "target" | "digest">): string {
  return `${target}/${digest}`;
}
