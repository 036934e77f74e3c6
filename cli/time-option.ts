/** Parses times typed on the command line. Pure. */
import { Expected } from '../src/settings/option.js';
import { zoneSeconds } from '../src/time/time-zone.js';
import { formatTimestamp, type LocalToUtc, parseTimestamp, timestampFromMicros } from '../src/time/timestamp.js';
import { localDate } from './view/local-time.js';

const UNIT_MS: Readonly<Record<string, number>> = {
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 7 * 86_400_000,
};

/**
 * Accepts `30m`, `2h`, `7d` (that long ago), `today` and `yesterday` (when that day began), and `2026-01-31`,
 * `2026-01-31T10:30` or `10:30` (today), with an optional offset.
 *
 * @param timeZone of days, and of times without an offset.
 * @returns ISO 8601 in UTC.
 * @throws Expected
 */
export function parseTime(text: string, nowMs: number, timeZone = 'UTC'): string {
  const typed = text.trim();
  const ago = /^(\d{1,9})([smhdw])$/.exec(typed);
  if (ago) {
    const ms = nowMs - Number(ago[1]) * UNIT_MS[ago[2]!]!;
    if (ms > EARLIEST_MS) return formatTimestamp(timestampFromMicros(ms * 1000));
  }
  const found = ago ? undefined : parseTimestamp(withDate(typed, nowMs, timeZone), toUtc(timeZone));
  if (found !== undefined) return formatTimestamp(found);
  const zone = timeZone === 'UTC' ? ' (UTC unless it has an offset)' : '';
  throw new Expected(
    `a time such as '2026-01-31T10:30'${zone}, '10:30', 'today' or 'yesterday', or an age: '30m', '2h', '7d'`,
  );
}

const EARLIEST_MS = Date.parse('0001-01-02T00:00:00Z');

const DAYS_AGO: Readonly<Record<string, number>> = { today: 0, yesterday: 1 };

function withDate(typed: string, nowMs: number, timeZone: string): string {
  const days = DAYS_AGO[typed.toLowerCase()];
  if (days !== undefined) return `${localDate(nowMs, timeZone, days)}T00`;
  if (/^\d\d:\d\d/.test(typed)) return `${localDate(nowMs, timeZone)}T${typed}`;
  return /^\d{4}-\d\d-\d\d$/.test(typed) ? `${typed}T00` : typed;
}

function toUtc(timeZone: string): LocalToUtc {
  return (civilS) => zoneSeconds(civilS, timeZone) ?? civilS;
}
