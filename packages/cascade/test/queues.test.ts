import fc from "fast-check";
import { expect, test } from "vitest";
import { Fifo, leave, Place } from "../src/fifo.js";
import { Heap, type Due } from "../src/heap.js";

test("a heap gives the earliest first, whatever was moved and taken out", () => {
  const move = fc.record({ entry: fc.nat(15), at: fc.option(fc.nat(20)) });
  fc.assert(
    fc.property(fc.array(move, { maxLength: 200, size: "max" }), (moves) => {
      const heap = new Heap<Due>();
      const entries = Array.from({ length: 16 }, (): Due => ({ at: 0, slot: -1 }));
      const held = new Map<Due, number>();
      for (const { entry: index, at } of moves) {
        const entry = entries[index] as Due;
        if (at === null) {
          heap.drop(entry);
          held.delete(entry);
        } else {
          heap.set(entry, at);
          held.set(entry, at);
        }
        expect(heap.first?.at).toBe(held.size === 0 ? undefined : Math.min(...held.values()));
      }
      const rest: number[] = [];
      for (let first = heap.first; first !== undefined; first = heap.first) {
        rest.push(first.at);
        heap.drop(first);
      }
      expect(rest).toEqual([...held.values()].toSorted((a, b) => a - b));
    }),
  );
});

class Item extends Place {
  readonly name: number;

  constructor(name: number) {
    super();
    this.name = name;
  }
}

test("a queue keeps its order through leaving and prepending", () => {
  const step = fc.record({
    queue: fc.boolean(),
    what: fc.constantFrom("push", "shift", "leave", "prepend"),
    which: fc.nat(20),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 100, size: "max" }), (steps) => {
      const queues = [new Fifo<Item>(), new Fifo<Item>()] as const;
      const models: [Item[], Item[]] = [[], []];
      let made = 0;
      for (const { queue: second, what, which } of steps) {
        const [mine, other] = second ? [1, 0] : [0, 1];
        const model = models[mine] as Item[];
        if (what === "push") {
          const item = new Item(made++);
          queues[mine]?.push(item);
          model.push(item);
        } else if (what === "shift") expect(queues[mine]?.shift()).toBe(model.shift());
        else if (what === "leave") {
          const [gone] = model.splice(which, 1);
          if (gone !== undefined) leave(gone);
        } else {
          queues[mine]?.prepend(queues[other] as Fifo<Item>);
          model.unshift(...(models[other] as Item[]).splice(0));
        }
        expect(queues.map(({ empty }) => empty)).toEqual(models.map(({ length }) => length === 0));
      }
    }),
  );
});
