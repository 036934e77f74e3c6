/**
 * Converts local times of an IANA time zone to epoch seconds, and back. The zone's rules come from `Intl`.
 *
 * @module
 */
import { daysFromCivil } from './calendar.js';

const DAY_S = 86_400;
const QUARTER_HOUR_S = 900;
// Before 1973 some zones changed at other times (Liberia was the last); since then only at quarter hours.
const REGULAR_SINCE_S = 94_694_400;
const MAX_CACHED = 4096;

interface Zone {
  readonly format: Intl.DateTimeFormat;
  /**
   * Offset by quarter hour. Cached, because an `Intl` call takes microseconds and there may be thousands of records a
   * second.
   */
  readonly offsets: Map<number, number>;
}

const zones = new Map<string, Zone | undefined>();

/** Whether this Node version knows the zone, e.g. `Europe/Berlin`. */
export function isTimeZone(name: string): boolean {
  return zoneOf(name) !== undefined;
}

/**
 * Converts a local time to epoch seconds. `civil` is the local time in seconds, as if it were UTC. When clocks are set
 * back, a local time occurs twice: the occurrence nearer to `nearS` is taken, or the first if it is omitted. When
 * clocks are set forward, a local time may not exist: the offset before the change applies. Undefined for an unknown
 * zone.
 */
export function zoneSeconds(civil: number, name: string, nearS?: number): number | undefined {
  const zone = zoneOf(name);
  if (zone === undefined) return undefined;
  const before = offsetAt(zone, civil - DAY_S);
  const after = offsetAt(zone, civil + DAY_S);
  const first = civil - before;
  const second = civil - after;
  const firstHolds = offsetAt(zone, first) === before;
  const secondHolds = offsetAt(zone, second) === after;
  if (!firstHolds) return secondHolds ? second : first;
  if (!secondHolds || nearS === undefined) return first;
  return Math.abs(second - nearS) < Math.abs(first - nearS) ? second : first;
}

/** The zone's offset from UTC at a time in epoch seconds, in seconds. Undefined for an unknown zone. */
export function zoneOffset(epochS: number, name: string): number | undefined {
  const zone = zoneOf(name);
  return zone === undefined ? undefined : offsetAt(zone, epochS);
}

function zoneOf(name: string): Zone | undefined {
  if (zones.has(name)) return zones.get(name);
  const zone = makeZone(name);
  if (zones.size >= MAX_CACHED) zones.clear();
  zones.set(name, zone);
  return zone;
}

function makeZone(timeZone: string): Zone | undefined {
  try {
    const format = new Intl.DateTimeFormat('en-US', {
      timeZone,
      calendar: 'gregory',
      numberingSystem: 'latn',
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    });
    return { format, offsets: new Map() };
  } catch {
    return undefined;
  }
}

/** The zone's offset from UTC, in seconds, at a time in epoch seconds. */
function offsetAt(zone: Zone, seconds: number): number {
  if (seconds < REGULAR_SINCE_S) return askOffset(zone, seconds);
  const quarter = Math.floor(seconds / QUARTER_HOUR_S);
  const kept = zone.offsets.get(quarter);
  if (kept !== undefined) return kept;
  const offset = askOffset(zone, quarter * QUARTER_HOUR_S);
  if (zone.offsets.size >= MAX_CACHED) zone.offsets.clear();
  zone.offsets.set(quarter, offset);
  return offset;
}

function askOffset(zone: Zone, seconds: number): number {
  const part: Record<string, number> = {};
  for (const { type, value } of zone.format.formatToParts(seconds * 1000)) part[type] = Number(value);
  const { year = 1970, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = part;
  return daysFromCivil(year, month, day) * DAY_S + hour * 3600 + minute * 60 + second - seconds;
}
