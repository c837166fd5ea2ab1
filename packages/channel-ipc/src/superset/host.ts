/** A terminal that a host tells of. */
export interface Pane {
  readonly id: string;
  /** The workspace it is in; the host service wants it named. */
  readonly workspace: string;
  /** The process that the host started in it. */
  readonly pid: number | undefined;
  readonly title: string;
}

/** A connection to what holds terminals. */
export interface Host extends AsyncDisposable {
  panes(): Promise<readonly Pane[]>;
  /** Pastes text that is fit for it, and presses no key. */
  paste(pane: Pane, text: string): Promise<void>;
  /** Presses Enter. */
  submit(pane: Pane): Promise<void>;
}

/** Where a host is, and how to get to it. */
export interface HostPlace {
  /** Its version, and its organisation where there may be several: tells its terminals from another's. */
  readonly name: string;
  /** @throws ChannelError */
  connect(signal: AbortSignal): Promise<Host>;
}

/** A host that tells of more is not believed. */
export const maxPanes = 1_024;

/** Whether something can be an id: it comes from the host, and goes back to it. */
export function isId(value: unknown): value is string {
  return typeof value === "string" && value.length > 0 && value.length <= 256;
}

export function pidOf(value: unknown): number | undefined {
  return typeof value === "number" && Number.isInteger(value) && value > 1 ? value : undefined;
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
