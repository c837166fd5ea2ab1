/** A place in a {@link Fifo}; linked to itself while it is in none. */
export class Place {
  before: Place = this;
  after: Place = this;
}

/** Takes an item out of whatever queue it is in, at once however long that is. */
export function leave(place: Place): void {
  place.before.after = place.after;
  place.after.before = place.before;
  place.before = place;
  place.after = place;
}

/** A queue whose items know their own place. */
export class Fifo<Item extends Place> {
  readonly #end = new Place();

  get empty(): boolean {
    return this.#end.after === this.#end;
  }

  push(item: Item): void {
    const last = this.#end.before;
    last.after = item;
    item.before = last;
    item.after = this.#end;
    this.#end.before = item;
  }

  shift(): Item | undefined {
    const first = this.#end.after;
    if (first === this.#end) return undefined;
    leave(first);
    return first as Item;
  }

  /** Puts all of `other` in front of what is here, at once however much that is; `other` is empty then. */
  prepend(other: Fifo<Item>): void {
    if (other.empty || other === this) return;
    const { after: first, before: last } = other.#end;
    const next = this.#end.after;
    leave(other.#end);
    this.#end.after = first;
    first.before = this.#end;
    last.after = next;
    next.before = last;
  }
}
