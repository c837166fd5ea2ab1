import { bold, cyan, dim, green, red, yellow, type Part, type Screen, type Style } from "../screen.js";
import { channelName, took } from "../units.js";
import { width, wrap } from "../text.js";
import type { AttemptView } from "../views.js";

const colours: Partial<Record<string, Style>> = {
  accepted: "yellow",
  sent: "yellow",
  delivered: "green",
  surfaced: "green",
  answered: "green",
  cut: "red",
  killed: "red",
  started: "cyan",
  mended: "cyan",
};
const plain = (text: string): Part => text;
const lineLength = 80;
/** Where the words of a line begin. */
const indent = 25;
const paint = { bold, dim, red, green, yellow, cyan };

/** Tells the demo as it happens: text for people, in 80 columns, or one JSON object a line. */
export class Narrator {
  readonly #screen: Screen;
  readonly #json: boolean;
  readonly #began = performance.now();
  #act = 0;

  constructor(screen: Screen, json: boolean) {
    this.#screen = screen;
    this.#json = json;
  }

  /** Plain text, for people only. */
  say(...parts: Part[]): void {
    if (!this.#json) this.#screen.line(...parts);
  }

  act(title: string): void {
    this.#act++;
    this.say();
    this.say(cyan(` ${this.#act}  `), bold(title));
    this.event("act", { title });
  }

  /** One thing that happened: what, how long after the act began that it tells of, and a few words. */
  step(what: string, ms: number | undefined, text: string, data: object = {}): void {
    const style = colours[what];
    const label = `    ${what.padEnd(11)}`;
    this.say(style === undefined ? label : paint[style](label), dim(took(ms).padStart(8)), `  ${text}`);
    this.event(what, { ...(ms === undefined ? {} : { ms: Math.round(ms * 100) / 100 }), ...data });
  }

  /** The attempts to carry a message, in the order in which they were begun. */
  attempts(attempts: readonly AttemptView[]): void {
    for (const { channel, rank, outcome, ms, reason } of attempts.toSorted((a, b) => a.at - b.at)) {
      const good = outcome === "delivered" || outcome === "stored";
      // The channel stands before the line already.
      const why = reason?.replace(new RegExp(`^${channel}: `), "");
      const said = why === undefined ? (outcome ?? "under way") : `${outcome ?? "under way"}: ${why}`;
      const look = good ? plain : outcome === undefined || outcome === "ABORTED" ? dim : red;
      const [first = "", ...rest] = wrap(said, lineLength - indent);
      this.say(`    ${channelName(channel, rank).padEnd(11)}`, dim(took(ms).padStart(8)), "  ", look(first));
      for (const line of rest) this.say(" ".repeat(indent), look(line));
      this.event("attempt", { channel, outcome, ms, reason });
    }
  }

  table(rows: readonly (readonly Part[])[]): void {
    if (!this.#json) this.#screen.table(rows, "    ");
  }

  /** For programs only. */
  event(event: string, data: object): void {
    if (!this.#json) return;
    const at_ms = Math.round(performance.now() - this.#began);
    this.#screen.json({ at_ms, act: this.#act, event, ...data });
  }
}

/** Numbers that stand at the right of their column. */
export function right(value: number | string, columns: number): string {
  const text = String(value);
  return " ".repeat(Math.max(0, columns - width(text))) + text;
}
