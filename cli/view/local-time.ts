/** Shows times in a time zone. Pure. */
import { printableLine } from '../../src/printable.js';
import { zoneOffset } from '../../src/time/time-zone.js';
import { formatTimestamp, parseTimestamp } from '../../src/time/timestamp.js';

/** The time zone of this process: the system's, or that of the variable TZ. */
export function systemTimeZone(): string {
  return new Intl.DateTimeFormat().resolvedOptions().timeZone;
}

/** `2026-01-31 11:30:45.123`. Text that is not a time is returned as it is. */
export function localTime(timestamp: string, timeZone: string): string {
  const time = parseTimestamp(timestamp);
  if (time === undefined) return printableLine(timestamp);
  const { seconds, micros } = time;
  const local = formatTimestamp({ seconds: seconds + (zoneOffset(seconds, timeZone) ?? 0), micros });
  return local.slice(0, 23).replace('T', ' ');
}

const DAY_S = 86_400;

/** `2026-01-31`: the date in that time zone, some days earlier. */
export function localDate(epochMs: number, timeZone: string, daysAgo = 0): string {
  const seconds = Math.floor(epochMs / 1000);
  const local = seconds + (zoneOffset(seconds, timeZone) ?? 0) - daysAgo * DAY_S;
  return formatTimestamp({ seconds: local, micros: 0 }).slice(0, 10);
}

/** `UTC+02:00`, or `UTC`. */
export function utcOffset(epochMs: number, timeZone: string): string {
  const minutes = Math.round((zoneOffset(Math.floor(epochMs / 1000), timeZone) ?? 0) / 60);
  if (minutes === 0) return 'UTC';
  const ahead = Math.abs(minutes);
  return `UTC${minutes < 0 ? '-' : '+'}${two(Math.floor(ahead / 60))}:${two(ahead % 60)}`;
}

function two(number: number): string {
  return String(number).padStart(2, '0');
}
