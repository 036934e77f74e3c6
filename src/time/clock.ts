/**
 * The clock for record timestamps: wall-clock time in whole microseconds, strictly increasing within the process.
 *
 * @module
 */

/** The underlying clocks, in milliseconds, read on each call. */
export interface ClockSources {
  /** The wall clock, epoch milliseconds. Default `Date.now`. */
  readonly wallMs: () => number;
  /** A monotonic clock with fractional milliseconds. Default `performance.now`. */
  readonly monotonicMs: () => number;
}

/** How far the timestamps may run ahead of the wall clock before they follow it back, in microseconds. */
const MAX_AHEAD_MICROS = 1_000_000;

const SYSTEM: ClockSources = { wallMs: () => Date.now(), monotonicMs: () => performance.now() };

/**
 * Creates a clock that returns epoch microseconds, each larger than the one before.
 *
 * The millisecond is always the wall clock's; the monotonic clock only supplies the digits below it. A wall clock that
 * steps forward is followed immediately. After a step back of up to a second, timestamps increase by a microsecond each
 * until the wall clock catches up. After a larger step they follow it back, which is the only case in which they are
 * not increasing. (More than a million calls a second over several seconds would have the same effect; creating a
 * record takes longer than that.)
 */
export function createClock(sources: ClockSources = SYSTEM): () => number {
  const { wallMs, monotonicMs } = sources;
  let anchorMs = Number.NEGATIVE_INFINITY; // wall time at monotonic time zero
  let last = Number.NEGATIVE_INFINITY;
  return () => {
    const wall = wallMs();
    const monotonic = monotonicMs();
    // The true time lies within [wall, wall + 1): the anchor is kept inside, which also corrects slow drift.
    if (anchorMs + monotonic < wall) anchorMs = wall - monotonic;
    else if (anchorMs + monotonic >= wall + 1) anchorMs = wall + 0.999 - monotonic;
    const micros = wall * 1000 + Math.min(999, Math.floor((anchorMs + monotonic - wall) * 1000));
    if (micros > last || last + 1 - micros > MAX_AHEAD_MICROS) last = micros;
    else last += 1;
    return last;
  };
}
