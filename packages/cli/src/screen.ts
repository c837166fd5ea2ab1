import { clip, inert, inertJson, width } from "./text.js";

export type Style = "bold" | "dim" | "red" | "green" | "yellow" | "cyan";

/** Text with a look. A plain string has none. */
export interface Styled {
  readonly text: string;
  readonly style: Style;
}
export type Part = string | Styled;

const codes: Record<Style, number> = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33, cyan: 36 };

export const styled =
  (style: Style) =>
  (text: string | number): Styled => ({ text: String(text), style });
export const bold = styled("bold");
export const dim = styled("dim");
export const red = styled("red");
export const green = styled("green");
export const yellow = styled("yellow");
export const cyan = styled("cyan");

/** What a screen writes to: `process.stdout` or what stands for it. */
export interface Sink {
  write(text: string): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
}

const textOf = (part: Part): string => inert(typeof part === "string" ? part : part.text);

/**
 * A stream for people. All text passes through here and is made inert on its way; escape sequences come from styles alone, and
 * only to a terminal that wants them. So no message can colour, move or retitle anything.
 */
export class Screen {
  readonly isTerminal: boolean;
  /** Columns to fit into; boundless where it is no terminal. */
  readonly columns: number;
  readonly #sink: Sink;
  readonly #colour: boolean;

  constructor(sink: Sink, env: NodeJS.ProcessEnv) {
    this.#sink = sink;
    this.isTerminal = sink.isTTY === true;
    // Some terminals do not know their width, and say 0.
    this.columns = this.isTerminal ? sink.columns || 80 : Number.POSITIVE_INFINITY;
    // https://no-color.org: any value that is not empty.
    this.#colour = this.isTerminal && (env["NO_COLOR"] ?? "") === "" && env["TERM"] !== "dumb";
  }

  line(...parts: Part[]): void {
    this.#sink.write(`${parts.map((part) => this.#paint(part)).join("")}\n`);
  }

  /** A line for programs: JSON that no terminal can be harmed by. */
  json(value: unknown, indent?: number): void {
    this.#sink.write(`${inertJson(value, indent)}\n`);
  }

  /** Rows whose cells stand below each other; on a terminal the last cell is clipped to its width. */
  table(rows: readonly (readonly Part[])[], indent = ""): void {
    const widths: number[] = [];
    for (const row of rows)
      for (const [column, cell] of row.entries())
        widths[column] = Math.max(widths[column] ?? 0, width(textOf(cell)));
    for (const row of rows) {
      let used = indent.length;
      const cells = row.map((cell, column) => {
        const last = column === row.length - 1;
        const text = last ? clip(textOf(cell), Math.max(10, this.columns - used)) : textOf(cell);
        const room = last ? 0 : (widths[column] ?? 0) + 2;
        used += room;
        return this.#dress(text, cell) + " ".repeat(Math.max(0, room - width(text)));
      });
      this.#sink.write(`${indent}${cells.join("")}`.trimEnd() + "\n");
    }
  }

  /** On a terminal, a line that stands until the returned function is called. */
  passing(text: string): () => void {
    if (!this.isTerminal) return () => {};
    this.#sink.write(clip(inert(text), this.columns - 1));
    return () => void this.#sink.write("\r\u001b[K");
  }

  #paint(part: Part): string {
    return this.#dress(textOf(part), part);
  }

  #dress(text: string, part: Part): string {
    if (typeof part === "string" || !this.#colour || text === "") return text;
    return `\u001b[${codes[part.style]}m${text}\u001b[0m`;
  }
}
