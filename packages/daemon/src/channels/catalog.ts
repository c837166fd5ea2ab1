/** A channel of our own: its place in the order people know, where it is found, and whether it is on without being configured. */
export interface CatalogEntry {
  readonly rank: string;
  readonly module: string;
  readonly byDefault: boolean;
}

/** The channels that have a name of their own. All others are named by their package. */
export const catalog: Readonly<Record<string, CatalogEntry>> = {
  http: { rank: "P2", module: "@multifleet/channel-http", byDefault: true },
  seed: { rank: "P4", module: "@multifleet/mailbox/seed", byDefault: true },
  ipc: { rank: "P8", module: "@multifleet/channel-ipc", byDefault: true },
};

/** A channel's place as people know it. */
export function rankName(rank: number): string {
  return `P${rank}`;
}
