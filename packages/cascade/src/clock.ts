/** A timer that fires later than this, in milliseconds, says that the process itself was held up. */
const late = 10;
/** What was sent gets this long to be heard after the process was held up, in milliseconds. */
const grace = 5;
/** What counts as the same time, in milliseconds. */
const exact = 0.01;
/** The most that one silence may count for when the process is held up again and again, in milliseconds. */
const mostCounted = 1_000;

/**
 * Two times. `now` is the wall clock, by which messages expire; it may jump. `time` is what waits are measured in: it never goes
 * back, and leaves out the time in which the process could not have heard an answer, asleep or held up, since the silence of such a time
 * says nothing of a peer.
 */
export class Clock {
  now = 0;
  time = 0;
  #begun = false;
  #excused = false;

  /**
   * Takes the wall clock's time.
   * @param due The `time` at which the earliest wait ends, if there is one.
   * @param fired Whether a timer says so: then it is due, whatever the wall clock says.
   */
  advance(now: number, due: number | undefined, fired: boolean): void {
    const before = this.#begun ? this.now : now;
    if (Number.isFinite(now)) {
      this.now = now;
      this.#begun = true;
    }
    const passed = this.now - before;
    if (passed < 0) {
      // The timer ran by itself while the wall clock was set back.
      if (fired && due !== undefined) this.time = Math.max(this.time, due);
      return;
    }
    const lateness = due === undefined ? 0 : this.time + passed - due;
    if (due === undefined || lateness <= late) {
      this.#excused = false;
      this.time += passed;
      // The wall clock's figures are too long to be exact; a timer that is due must not ring for ever.
      if (lateness < 0 && lateness > -exact && due !== undefined) this.time = due;
      return;
    }
    // Once in a row: a process that is always held up still has to go on.
    this.#excused = !this.#excused;
    this.time = Math.max(this.time, this.#excused ? due - grace : due + Math.min(lateness, mostCounted));
  }

  /** The wall clock's time at which `time` will be `at`. */
  wall(at: number): number {
    return this.now + at - this.time;
  }
}
