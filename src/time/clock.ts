/**
 * The clock that stamps records: wall-clock time in whole microseconds, strictly increasing within its process.
 *
 * @module
 */

/** Where the time comes from; both in milliseconds, read anew on each call. */
export interface ClockSources {
  /** The wall clock, epoch milliseconds. Default `Date.now`. */
  readonly wallMs: () => number;
  /** A clock that never steps, with a fraction. Default `performance.now`. */
  readonly steadyMs: () => number;
}

/** How far the stamps may run ahead of the wall clock before they follow it back. */
const MOST_AHEAD_MICROS = 1_000_000;

const SYSTEM: ClockSources = { wallMs: () => Date.now(), steadyMs: () => performance.now() };

/**
 * Makes a clock that returns epoch microseconds, each larger than the one before.
 *
 * The millisecond is always the wall clock's own; the steady clock only supplies the digits below it. So a wall clock
 * that steps forward is followed at once. One that steps back by up to a second is waited for, a microsecond at a time;
 * past a second the stamps follow it back, which is the one case in which they are not increasing. (A caller that takes
 * more than a million stamps a second for seconds on end gets there as well; making a record costs more than that.)
 */
export function createClock(sources: ClockSources = SYSTEM): () => number {
  const { wallMs, steadyMs } = sources;
  let anchorMs = Number.NEGATIVE_INFINITY; // wall time at steady time zero
  let last = Number.NEGATIVE_INFINITY;
  return () => {
    const wall = wallMs();
    const steady = steadyMs();
    // The true time lies within [wall, wall + 1): the anchor is kept inside, which also corrects slow drift.
    if (anchorMs + steady < wall) anchorMs = wall - steady;
    else if (anchorMs + steady >= wall + 1) anchorMs = wall + 0.999 - steady;
    const micros = wall * 1000 + Math.min(999, Math.floor((anchorMs + steady - wall) * 1000));
    if (micros > last || last + 1 - micros > MOST_AHEAD_MICROS) last = micros;
    else last += 1;
    return last;
  };
}
