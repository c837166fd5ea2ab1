/**
 * What was found of one thing that a case looked at. `ms`: fall-through or return times in milliseconds; `promised`: the
 * p99 of them that the fault table promises, which a machine that is busy with other things may miss. `faults`: what must not be.
 *
 * @typedef {{
 *   what: string,
 *   n: number,
 *   lost: number,
 *   twice: number,
 *   unknown: number,
 *   ms?: { p50: number, p99: number, max: number },
 *   promised?: number,
 *   note?: string,
 *   faults: readonly string[],
 * }} Row
 */

const heads = ["case", "what", "n", "lost", "twice", "unknown", "p50 ms", "p99 ms", "max ms", "note"];
const widths = [12, 44, 5, 5, 6, 8, 8, 8, 8, 0];

/** Prints what the cases found, as it comes, and the sum at the end. */
export class Report {
  failed = false;
  /** How many promised times were missed. */
  late = 0;
  #json;
  #cases = 0;
  #skipped = 0;
  #began = performance.now();
  #trials = 0;

  /** @param {boolean} json */
  constructor(json) {
    this.#json = json;
    if (!json) console.log(line(heads));
  }

  /**
   * @param {string} name
   * @param {string} title
   * @param {string} reason
   */
  skip(name, title, reason) {
    this.#skipped++;
    // In a build that counts, nothing may be missing.
    if (process.env["MULTIFLEET_REQUIRE"] !== undefined) this.failed = true;
    if (this.#json) console.log(JSON.stringify({ name, title, skipped: reason }));
    else console.log(`${name.padEnd(widths[0] ?? 0)}skipped: ${title}: ${reason}`);
  }

  /**
   * @param {string} name
   * @param {string} title
   * @param {() => Promise<readonly Row[]>} run
   */
  async take(name, title, run) {
    this.#cases++;
    const start = performance.now();
    /** @type {readonly Row[]} */
    let rows;
    try {
      rows = await run();
    } catch (error) {
      const fault = error instanceof Error ? (error.stack ?? error.message) : String(error);
      rows = [{ what: "the case itself", n: 0, lost: 0, twice: 0, unknown: 0, faults: [fault] }];
    }
    const seconds = Math.round((performance.now() - start) / 100) / 10;
    for (const row of rows) this.#show(name, row);
    if (this.#json) console.log(JSON.stringify({ name, title, seconds, rows }));
    else console.log(`${name.padEnd(widths[0] ?? 0)}${title}  (${seconds} s)`);
  }

  end() {
    const seconds = Math.round((performance.now() - this.#began) / 1000);
    const bound =
      this.#trials === 0
        ? ""
        : `; no failure in ${this.#trials} messages is a 95 % bound of ${((3 / this.#trials) * 100).toPrecision(2)} %`;
    console.log(
      `${this.#cases} cases, ${this.#skipped} skipped, ${this.failed ? "FAILED" : "ok"}, ${this.late} promised times missed, ${seconds} s${this.failed ? "" : bound}`,
    );
  }

  /**
   * @param {string} name
   * @param {Row} row
   */
  #show(name, { what, n, lost, twice, unknown, ms, promised, note = "", faults }) {
    this.#trials += n;
    if (faults.length > 0) this.failed = true;
    if (this.#json) return;
    const times = ms === undefined ? ["", "", ""] : [ms.p50, ms.p99, ms.max].map(rounded);
    const late = ms !== undefined && promised !== undefined && !(ms.p99 <= promised);
    if (late) this.late++;
    const promise = promised === undefined ? "" : ` (promised: ${promised}${late ? ", MISSED" : ""})`;
    console.log(line([name, what, ...[n, lost, twice, unknown].map(String), ...times, note + promise]));
    for (const fault of faults) console.log(`${name.padEnd(widths[0] ?? 0)}FAILED: ${fault}`);
  }
}

/** @param {readonly string[]} cells */
function line(cells) {
  return cells
    .map((cell, at) => {
      const width = widths[at] ?? 0;
      return at < 2 ? cell.padEnd(width) : at < 9 ? cell.padStart(width) : `  ${cell}`;
    })
    .join("")
    .trimEnd();
}

/** @param {number} ms */
function rounded(ms) {
  return ms >= 100 || Number.isNaN(ms) ? String(Math.round(ms)) : String(Math.round(ms * 10) / 10);
}
