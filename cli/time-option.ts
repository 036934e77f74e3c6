/** Parses times typed on the command line. Pure. */
import { Expected } from '../src/settings/option.js';
import { formatTimestamp, parseTimestamp, timestampFromMicros } from '../src/time/timestamp.js';

const UNIT_MS: Readonly<Record<string, number>> = {
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 7 * 86_400_000,
};

/**
 * Accepts `30m`, `2h`, `7d` (that long ago), and `2026-01-31` or `2026-01-31T10:30`, with an optional offset (default
 * UTC).
 *
 * @returns ISO 8601 in UTC.
 * @throws Expected
 */
export function parseTime(text: string, nowMs: number): string {
  const typed = text.trim();
  const ago = /^(\d{1,9})([smhdw])$/.exec(typed);
  if (ago) {
    const ms = nowMs - Number(ago[1]) * UNIT_MS[ago[2]!]!;
    if (ms > EARLIEST_MS) return formatTimestamp(timestampFromMicros(ms * 1000));
  }
  const found = parseTimestamp(/^\d{4}-\d\d-\d\d$/.test(typed) ? `${typed}T00` : typed);
  if (found === undefined || ago) {
    throw new Expected("a time such as '2026-01-31T10:30' (UTC unless it has an offset), or an age: '30m', '2h', '7d'");
  }
  return formatTimestamp(found);
}

const EARLIEST_MS = Date.parse('0001-01-02T00:00:00Z');
