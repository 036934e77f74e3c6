/**
 * Numeric times since 1970.
 *
 * @module
 */

/**
 * Converts a number of seconds, milliseconds, microseconds or nanoseconds, distinguished by magnitude, to epoch
 * microseconds.
 */
export function epochMicros(number: number): number {
  if (number < 1e11) return Math.round(number * 1e6);
  if (number < 1e14) return Math.round(number * 1e3);
  return number < 1e17 ? Math.round(number) : Math.round(number / 1e3);
}
