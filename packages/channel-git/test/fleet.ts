import { frameCover, newAgeIdentity, type FrameCover } from "@multifleet/core/age";

/** A fleet's age keys: each member can cover frames to each other. */
export class Fleet {
  readonly #keys: ReadonlyMap<string, { readonly identity: string; readonly recipient: string }>;

  private constructor(keys: ReadonlyMap<string, { readonly identity: string; readonly recipient: string }>) {
    this.#keys = keys;
  }

  static async of(...nodes: readonly string[]): Promise<Fleet> {
    const keys = new Map<string, { readonly identity: string; readonly recipient: string }>();
    for (const node of nodes) keys.set(node, await newAgeIdentity());
    return new Fleet(keys);
  }

  /** What a node covers and uncovers by. @param strangers Those whose keys it does not know. */
  cover(node: string, ...strangers: readonly string[]): FrameCover {
    const own = this.#keys.get(node);
    if (own === undefined) throw new Error(`${node} is no member`);
    return frameCover(own.identity, (to) =>
      strangers.includes(to) ? undefined : this.#keys.get(to)?.recipient,
    );
  }
}
