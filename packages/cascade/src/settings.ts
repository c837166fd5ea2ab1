/** What the decisions are tuned by. All times are milliseconds. */
export interface Settings {
  /** Messages under way to one peer at a time; the rest wait in order. */
  readonly window: number;
  /** The shortest silence after which the next channel is started. */
  readonly hedgeFloor: number;
  /** The longest such silence on a path whose median round trip is at most `lanMedian`. */
  readonly hedgeLan: number;
  /** The longest on other paths, and the one for a path of which nothing is known. */
  readonly hedgeWan: number;
  /** The longest of all: a path that is slower by nature, a test of a path in doubt, and the wait before a store is written. */
  readonly hedgeMost: number;
  readonly lanMedian: number;
  /** The first wait between retries is drawn from 0 to this; each further one from twice as much. */
  readonly retryFirst: number;
  /** No wait between retries is longer. */
  readonly retryMost: number;
  /** Between two wake-ups of one peer, doubled for each that brought nothing. At least 30,000. */
  readonly wakeGap: number;
  /** How long a store is given to bring a receipt before the next store is written too. */
  readonly receiptWait: number;
  /** How long an attempt may take at least, before it is ended and its channel taken for down. */
  readonly attemptTime: number;
  /** The same for a store, which may have to connect and push. */
  readonly storeTime: number;
}

export const defaultSettings: Settings = {
  window: 256,
  hedgeFloor: 30,
  hedgeLan: 60,
  hedgeWan: 150,
  hedgeMost: 250,
  lanMedian: 20,
  retryFirst: 250,
  retryMost: 30_000,
  wakeGap: 60_000,
  receiptWait: 60_000,
  attemptTime: 5_000,
  storeTime: 30_000,
};
