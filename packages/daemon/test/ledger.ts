import { expect } from "vitest";
import type { TestNode } from "./fleet.js";

/** What was posted and what was said of it: the truth that the inboxes are held against. */
export class Ledger {
  /** Ids that were answered with 202. */
  readonly accepted = new Set<string>();
  /** Ids that were answered with an error or not at all. */
  readonly unknown = new Set<string>();
  #next = 0;

  /** Posts one message and notes what came of it; never throws. */
  async post(from: TestNode, to: string): Promise<void> {
    const id = `${from.name}-${String(this.#next++).padStart(6, "0")}`;
    try {
      const { status, body } = await from.send(to, `text of ${id}`, { id });
      if (status === 202) this.accepted.add(body.id);
      else this.unknown.add(id);
    } catch (thrown) {
      if (thrown instanceof Error) this.unknown.add(id);
      else throw thrown;
    }
  }

  /** Waits until everything that was accepted has ended as delivered at its sender. */
  async delivered(from: TestNode, seconds: number): Promise<void> {
    const ids = [...this.accepted];
    const wait = async () => {
      for (let id = ids.pop(); id !== undefined; id = ids.pop()) {
        const message = await from.settled(id, seconds);
        expect(message, `message ${id}`).toMatchObject({ id, state: "delivered" });
      }
    };
    await Promise.all(Array.from({ length: 16 }, wait));
  }

  /** Holds the receiver's inbox against what was posted: each accepted id once, an unknown one at most once, nothing else. */
  async compare(receiver: TestNode): Promise<void> {
    const seen = new Map<string, number>();
    for (const item of await receiver.inbox()) {
      seen.set(item.id, (seen.get(item.id) ?? 0) + 1);
      expect(item.body).toBe(`text of ${item.id}`);
    }
    const lost = [...this.accepted].filter((id) => !seen.has(id));
    const twice = [...seen].filter(([, count]) => count > 1).map(([id]) => id);
    const strange = [...seen.keys()].filter((id) => !this.accepted.has(id) && !this.unknown.has(id));
    expect({ lost, twice, strange }).toEqual({ lost: [], twice: [], strange: [] });
  }
}

/** The sender's books balance. */
export async function expectBalanced(node: TestNode): Promise<void> {
  const { messages } = (await node.get("/health")).body;
  const { accepted, delivered, expired, rejected, cancelled, pending } = messages;
  expect(accepted).toBe(delivered + expired + rejected + cancelled + pending);
}
