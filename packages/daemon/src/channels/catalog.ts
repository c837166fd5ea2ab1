import type { Channel } from "@multifleet/core";

/**
 * A channel of our own: its place in the order people know, where it is found, and whether it is on without being configured. One that is not is on
 * all the same where the daemon has what it needs: a server's address in the environment, an ssh alias of a peer.
 */
export interface CatalogEntry {
  readonly rank: string;
  readonly module: string;
  readonly byDefault: boolean;
  /** A second channel of the same package, known by the same number. */
  readonly also?: string;
}

/** The channels that have a name of their own. All others are named by their package. */
export const catalog: Readonly<Record<string, CatalogEntry>> = {
  discord: { rank: "P0", module: "@multifleet/channel-discord", byDefault: false },
  nats: { rank: "P1", module: "@multifleet/channel-nats", byDefault: false, also: "jetstream" },
  http: { rank: "P2", module: "@multifleet/channel-http", byDefault: true },
  relay: { rank: "P3", module: "@multifleet/channel-relay", byDefault: true, also: "relay-store" },
  seed: { rank: "P4", module: "@multifleet/mailbox/seed", byDefault: true },
  ssh: { rank: "P5", module: "@multifleet/channel-ssh", byDefault: false },
  wol: { rank: "P6", module: "@multifleet/channel-wol", byDefault: true },
  git: { rank: "P7", module: "@multifleet/channel-git", byDefault: false },
  ipc: { rank: "P8", module: "@multifleet/channel-ipc", byDefault: true },
};

/** A channel's place as people know it. Theirs is a name; the order tried is the traits'. */
export function rankName({ name, traits }: Channel): string {
  const entry = catalog[name] ?? Object.values(catalog).find(({ also }) => also === name);
  return entry?.rank ?? `P${traits.rank}`;
}
