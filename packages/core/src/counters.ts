/** What a counter tells: `error` is zero in a healthy fleet, `traffic` grows with use. */
export type CounterClass = "error" | "traffic";

/** A counter as declared: its class and one line of help, and the label it is split by, if any. */
export interface CounterSpec {
  readonly class: CounterClass;
  readonly help: string;
  readonly label?: string;
}

/** Counters by name. Names end in `_total`, as OpenMetrics wants them. */
export type CounterTable = Readonly<Record<string, CounterSpec>>;

/** The most values that one counter's label may take; further ones are counted under `other`, so that no peer can fill our memory. */
const maxLabelValues = 256;

/** A registry of the counters in `table`: one for each daemon, never shared through a module. */
export class Counters<const Table extends CounterTable> {
  readonly table: Table;
  readonly #values = new Map<string, Map<string, number>>();

  constructor(table: Table) {
    this.table = table;
    for (const [name, spec] of Object.entries(table)) {
      if (!/^[a-z][a-z0-9_]*_total$/.test(name))
        throw new TypeError(`counter ${name}: a name is snake_case and ends in _total`);
      if (spec.label !== undefined && !/^[a-z][a-z0-9_]*$/.test(spec.label))
        throw new TypeError(`counter ${name}: a label's name is snake_case`);
      this.#values.set(name, spec.label === undefined ? new Map([["", 0]]) : new Map());
    }
  }

  /** Adds one. `label` is the value of the counter's label, and is needed exactly where it declares one. */
  count(name: keyof Table & string, label?: string): void {
    this.add(name, 1, label);
  }

  /** Adds `amount`, at least 0. */
  add(name: keyof Table & string, amount: number, label = ""): void {
    const values = this.#values.get(name);
    if (values === undefined) throw new TypeError(`no counter is named ${name}`);
    if ((this.table[name]?.label !== undefined) !== (label !== ""))
      throw new TypeError(`counter ${name}: give its label, and only if it has one`);
    if (!(amount >= 0 && amount < Infinity))
      throw new TypeError(`counter ${name}: ${amount} is no amount to add`);
    const key = values.has(label) || values.size < maxLabelValues ? label : "other";
    values.set(key, (values.get(key) ?? 0) + amount);
  }

  /** The sum over all label values. */
  total(name: keyof Table & string): number {
    let sum = 0;
    for (const value of this.#values.get(name)?.values() ?? []) sum += value;
    return sum;
  }

  /** The value under one label. */
  value(name: keyof Table & string, label = ""): number {
    return this.#values.get(name)?.get(label) ?? 0;
  }

  /** Every counter's total by name, of one class or of all. */
  totals(only?: CounterClass): Record<string, number> {
    const all: Record<string, number> = {};
    for (const [name, spec] of Object.entries(this.table)) {
      if (only === undefined || spec.class === only) all[name] = this.total(name);
    }
    return all;
  }

  /** The registry as OpenMetrics text (version 1.0.0), without the closing `# EOF`, so that others may add to it. */
  openMetrics(): string {
    let text = "";
    for (const [name, spec] of Object.entries(this.table)) {
      const family = name.slice(0, -"_total".length);
      text += `# TYPE ${family} counter\n# HELP ${family} ${escapeText(spec.help)}\n`;
      for (const [label, value] of this.#values.get(name) ?? []) {
        text += `${name}${spec.label === undefined ? "" : `{${spec.label}="${escapeText(label)}"}`} ${value}\n`;
      }
    }
    return text;
  }
}

function escapeText(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll("\n", "\\n").replaceAll('"', '\\"');
}
