/** Something that is due at a time. `slot` is its place in the heap, -1 while it is in none. */
export interface Due {
  at: number;
  slot: number;
}

/** A binary heap whose entries know their place, so that any can be moved or taken out in O(log n). */
export class Heap<Entry extends Due> {
  readonly #entries: Entry[] = [];

  get first(): Entry | undefined {
    return this.#entries[0];
  }

  /** Puts an entry in, or moves it, to be due at `at`. */
  set(entry: Entry, at: number): void {
    const moved = entry.slot >= 0;
    const earlier = !moved || at < entry.at;
    entry.at = at;
    if (!moved) {
      entry.slot = this.#entries.length;
      this.#entries.push(entry);
    }
    if (earlier) this.#rise(entry);
    else this.#sink(entry);
  }

  /** Takes an entry out; nothing happens where it is not in. */
  drop(entry: Entry): void {
    if (entry.slot < 0) return;
    const { slot, at } = entry;
    entry.slot = -1;
    const last = this.#entries.pop();
    if (last === undefined || last === entry) return;
    this.#put(last, slot);
    if (last.at < at) this.#rise(last);
    else this.#sink(last);
  }

  #put(entry: Entry, slot: number): void {
    this.#entries[slot] = entry;
    entry.slot = slot;
  }

  #rise(entry: Entry): void {
    let { slot } = entry;
    while (slot > 0) {
      const parent = this.#entries[(slot - 1) >> 1];
      if (parent === undefined || parent.at <= entry.at) break;
      const above = parent.slot;
      this.#put(parent, slot);
      slot = above;
    }
    this.#put(entry, slot);
  }

  #sink(entry: Entry): void {
    let { slot } = entry;
    for (;;) {
      const left = this.#entries[2 * slot + 1];
      const right = this.#entries[2 * slot + 2];
      const child = right !== undefined && left !== undefined && right.at < left.at ? right : left;
      if (child === undefined || child.at >= entry.at) break;
      const below = child.slot;
      this.#put(child, slot);
      slot = below;
    }
    this.#put(entry, slot);
  }
}
