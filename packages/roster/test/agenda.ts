interface Item {
  readonly at: number;
  readonly order: number;
  readonly act: () => void;
}

/** What is to happen, in the order of its times; what has the same time, in the order it was put down. A binary heap. */
export class Agenda {
  readonly #heap: Item[] = [];
  #order = 0;

  add(at: number, act: () => void): void {
    const heap = this.#heap;
    let index = heap.length;
    const item = { at, order: this.#order++, act };
    heap.push(item);
    while (index > 0) {
      const parent = (index - 1) >> 1;
      const above = heap[parent];
      if (above === undefined || !isBefore(item, above)) break;
      heap[index] = above;
      index = parent;
    }
    heap[index] = item;
  }

  /** Takes out what is first, unless that is after `limit`. */
  next(limit: number): Item | undefined {
    const heap = this.#heap;
    const [first] = heap;
    if (first === undefined || first.at > limit) return undefined;
    const last = heap.pop();
    if (last === undefined || last === first) return first;
    let index = 0;
    for (;;) {
      const left = heap[2 * index + 1];
      const right = heap[2 * index + 2];
      if (left === undefined) break;
      const least = right !== undefined && isBefore(right, left) ? right : left;
      if (!isBefore(least, last)) break;
      heap[index] = least;
      index = 2 * index + (least === right ? 2 : 1);
    }
    heap[index] = last;
    return first;
  }
}

function isBefore(a: Item, b: Item): boolean {
  return a.at !== b.at ? a.at < b.at : a.order < b.order;
}
