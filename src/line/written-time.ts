/**
 * The time in a log line.
 *
 * @module
 */
import { epochMicros } from '../time/epoch.js';
import { parseTimestamp } from '../time/timestamp.js';

/** The year 2255: the last time that a number and a UUIDv7 can represent to the microsecond. */
const MAX_MICROS = Number.MAX_SAFE_INTEGER;
/** In seconds, this is 1973. Smaller numbers are durations rather than times. */
const MIN_NUMBER = 1e8;
const NUMBER = /^\d{9,19}(?:\.\d+)?$/;

/**
 * Parses a number of seconds, milliseconds, microseconds or nanoseconds since 1970, distinguished by magnitude, from
 * 1973 on, also in quotes; or an ISO 8601 text, which is UTC unless it has an offset.
 *
 * @returns epoch microseconds; undefined for everything else and for times before 1970.
 */
export function readTime(written: unknown): number | undefined {
  if (typeof written === 'number') return written < MIN_NUMBER ? undefined : inRange(epochMicros(written));
  if (typeof written !== 'string') return undefined;
  if (NUMBER.test(written)) return inRange(epochMicros(Number(written)));
  const time = parseTimestamp(written);
  return time && inRange(time.seconds * 1_000_000 + time.micros);
}

function inRange(micros: number): number | undefined {
  return micros > 0 && micros <= MAX_MICROS ? micros : undefined;
}

/**
 * Preserves the order of lines. Log times usually have millisecond precision, and many lines share one. Their unknown
 * microseconds are filled with a counter. Times that have microseconds are kept.
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
