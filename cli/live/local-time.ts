/** Times as they are where the reader sits. Pure. */
import { printableLine } from '../../src/printable.js';

/** `HH:MM:SS.mmm`, with the date before it where that is not today. A text that is no time as it is. */
export function localTime(timestamp: string, now: Date): string {
  const time = new Date(timestamp);
  if (Number.isNaN(time.getTime())) return printableLine(timestamp);
  const clock = [time.getHours(), time.getMinutes(), time.getSeconds()].map(two).join(':');
  const shown = `${clock}.${String(time.getMilliseconds()).padStart(3, '0')}`;
  return dateOf(time) === dateOf(now) ? shown : `${dateOf(time)} ${shown}`;
}

/** `UTC+02:00`, or `UTC`. */
export function utcOffset(now: Date): string {
  const minutes = -now.getTimezoneOffset();
  if (minutes === 0) return 'UTC';
  const ahead = Math.abs(minutes);
  return `UTC${minutes < 0 ? '-' : '+'}${two(Math.floor(ahead / 60))}:${two(ahead % 60)}`;
}

function dateOf(time: Date): string {
  return [time.getFullYear(), time.getMonth() + 1, time.getDate()].map(two).join('-');
}

function two(number: number): string {
  return String(number).padStart(2, '0');
}
