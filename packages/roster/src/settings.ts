/** The roster's times, in milliseconds; the same on all nodes of a fleet. */
export interface Settings {
  /** A neighbour that gave no sign for so long is gone. */
  readonly lease: number;
  /** Between two keep-alives to the same neighbour: a third of the lease, so that one that is lost does no harm. */
  readonly keepAlive: number;
  /** How many nodes each node keeps alive with. */
  readonly neighbours: number;
  /** Changes within this time go out together. */
  readonly batch: number;
  /** Between two tellings of ordinary changes, at least. It grows with the fleet: see {@link tellingGap}. */
  readonly gap: number;
  /** Between two rows that only say "still here", at least. It grows with the fleet: see {@link refreshGap}. */
  readonly refresh: number;
  /** The most peers whose channels an entry lists. */
  readonly listed: number;
}

/** The settings in force where nothing else is said. */
export const defaults: Settings = {
  lease: 12_000,
  keepAlive: 4_000,
  neighbours: 3,
  batch: 250,
  gap: 2_000,
  refresh: 15_000,
  listed: 16,
};

/** The settings for another lease: everything that has to do with it keeps its proportion. */
export function settingsFor(lease: number = defaults.lease): Settings {
  const scaled = (ms: number) => Math.max(Math.round((ms * lease) / defaults.lease), 1);
  return {
    ...defaults,
    lease,
    keepAlive: scaled(defaults.keepAlive),
    batch: Math.min(defaults.batch, scaled(defaults.batch)),
    gap: scaled(defaults.gap),
    refresh: scaled(defaults.refresh),
  };
}

/** Every row goes to every node, so each may write the more seldom the more there are: the fleet's rows a second stay the same. */
export function refreshGap({ refresh }: Settings, nodes: number): number {
  return refresh * Math.max(1, nodes / 10);
}

/** As {@link refreshGap}, for changes. */
export function tellingGap({ gap }: Settings, nodes: number): number {
  return gap * Math.max(1, nodes / 40);
}

/**
 * After so long without any sign a node does not count as alive, whatever its neighbours say: three times what the slower of a row's
 * refresh and the round of keep-alives to all takes.
 */
export function horizon(settings: Settings, nodes: number): number {
  return 3 * Math.max(refreshGap(settings, nodes), settings.keepAlive * Math.max(nodes, 3));
}
