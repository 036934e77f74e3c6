/**
 * The time that stands in a line of a log.
 *
 * @module
 */
import { epochMicros } from '../time/epoch.js';
import { parseTimestamp } from '../time/timestamp.js';

/** Until the year 2255: what a number can say to the microsecond, and an id. */
const LAST_MICROS = Number.MAX_SAFE_INTEGER;
/** Seconds, in 1973: smaller numbers are durations rather than times. */
const LEAST_NUMBER = 1e8;
const NUMBER = /^\d{9,19}(?:\.\d+)?$/;

/**
 * Epoch microseconds of a number of seconds, milliseconds, microseconds or nanoseconds since 1970, told apart by their
 * size, from 1973 on, also in quotes; or of an ISO 8601 text, which is UTC where it does not say otherwise.
 * Undefined for everything else, and for times before 1970.
 */
export function readTime(written: unknown): number | undefined {
  if (typeof written === 'number') return written < LEAST_NUMBER ? undefined : inRange(epochMicros(written));
  if (typeof written !== 'string') return undefined;
  if (NUMBER.test(written)) return inRange(epochMicros(Number(written)));
  const time = parseTimestamp(written);
  return time && inRange(time.seconds * 1_000_000 + time.micros);
}

function inRange(micros: number): number | undefined {
  return micros > 0 && micros <= LAST_MICROS ? micros : undefined;
}

/**
 * Times of a log are to the millisecond, and its lines come many to one: the microseconds, of which nothing is known, are
 * counted, so that the order of the lines stays. Times that say microseconds stay as they are.
 */
export function createLineOrder(): (epochMicros: number) => number {
  let lastMs = Number.NaN;
  let count = 0;
  return (epochMicros) => {
    const ms = epochMicros / 1000;
    if (ms !== lastMs) {
      if (Number.isInteger(ms)) {
        lastMs = ms;
        count = 0;
      }
      return epochMicros;
    }
    count = Math.min(count + 1, 999);
    return epochMicros + count;
  };
}
