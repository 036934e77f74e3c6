/**
 * Timestamps with microsecond precision: parsed by our own grammar, stored as integers, written in one canonical form.
 * `Date` is not used, because it only has milliseconds and parses unknown text unpredictably.
 *
 * @module
 */
import { civilDate, daysFromCivil, daysInMonth, isLeap } from './calendar.js';

/** A point in time: whole epoch seconds (negative before 1970) and the microseconds after it, 0 to 999999. */
export interface Timestamp {
  readonly seconds: number;
  readonly micros: number;
}

/**
 * Converts a local time without an offset to UTC.
 *
 * @param civilS the local time as if it were UTC, in epoch seconds.
 * @returns epoch seconds.
 */
export type LocalToUtc = (civilS: number) => number;

/** 0001-01-01T00:00:00Z and 9999-12-31T23:59:59Z: the range of years with four digits. */
export const FIRST_SECOND = -62_135_596_800;
export const LAST_SECOND = 253_402_300_799;

const DAY_S = 86_400;

const DATE = String.raw`(?<year>\d{4}|[+-]\d{6})(?:-?(?<month>\d\d)-?(?<day>\d\d)|-?(?<yearDay>\d{3})|-?W(?<week>\d\d)-?(?<weekDay>\d))`;
const TIME = String.raw`(?<hour>\d\d)(?::?(?<minute>\d\d)(?::?(?<second>\d\d))?)?(?:[.,](?<fraction>\d+))?`;
const OFFSET = String.raw`(?<zulu>Z)|(?<sign>[+\u2212-])(?<offHour>\d\d)(?::?(?<offMinute>\d\d)(?::?(?<offSecond>\d\d))?)?`;
const GRAMMAR = new RegExp(`^${DATE}[T ]${TIME}(?: ?(?:${OFFSET}))?$`, 'i');

/**
 * Parses an ISO 8601 or RFC 3339 time: calendar, ordinal and week dates, extended or basic format, `T` or a space, dot
 * or comma before a fraction of any length (digits past the microsecond are truncated), any offset, `24:00`, and a leap
 * second (counted as the first second of the next minute, as in PostgreSQL).
 *
 * A time without an offset (the form that Python writes) is UTC unless `localToUtc` converts it. Returns undefined for
 * anything else, and outside the years 1 to 9999.
 */
export function parseTimestamp(text: string, localToUtc: LocalToUtc = (civilS) => civilS): Timestamp | undefined {
  const found = GRAMMAR.exec(text.trim())?.groups;
  if (found === undefined) return undefined;
  const days = parseDay(found);
  const time = parseTimeOfDay(found);
  const offset = parseOffset(found);
  if (days === undefined || time === undefined || offset === 'invalid') return undefined;
  const civil = days * DAY_S + time.seconds;
  const seconds = offset === 'local' ? localToUtc(civil) : civil - offset;
  return seconds < FIRST_SECOND || seconds > LAST_SECOND ? undefined : { seconds, micros: time.micros };
}

/** `000` to `999`. `String(micros)` for each record would fill V8's cache of numbers as strings, which keeps megabytes of them. */
export const THREE_DIGITS = Array.from({ length: 1000 }, (_, n) => String(n).padStart(3, '0'));

let lastSecond = Number.NaN;
let lastText = '';

/** Writes the canonical form, `2026-01-31T10:30:45.123456Z`, always 27 characters. Years 1 to 9999. */
export function formatTimestamp({ seconds, micros }: Timestamp): string {
  // Many records share a second, so its text is cached.
  if (seconds !== lastSecond) {
    const days = Math.floor(seconds / DAY_S);
    const rest = seconds - days * DAY_S;
    const time = `${two(Math.floor(rest / 3600))}:${two(Math.floor(rest / 60) % 60)}:${two(rest % 60)}`;
    lastText = `${civilDate(days)}T${time}.`;
    lastSecond = seconds;
  }
  return `${lastText}${THREE_DIGITS[Math.floor(micros / 1000)]}${THREE_DIGITS[micros % 1000]}Z`;
}

/** Converts epoch microseconds (an integer) to a timestamp. */
export function timestampFromMicros(epochMicros: number): Timestamp {
  const seconds = Math.floor(epochMicros / 1_000_000);
  return { seconds, micros: epochMicros - seconds * 1_000_000 };
}

const CANONICAL = /^\d{4}-\d\d-\d\dT[012]\d:[0-5]\d:[0-5]\d\.\d{6}Z$/;

/** Whether the text is exactly what `formatTimestamp` writes, so that it can be stored unchanged. */
export function isCanonicalTimestamp(text: string): boolean {
  if (text.length !== 27 || !CANONICAL.test(text)) return false;
  const month = twoDigitsAt(text, 5);
  const day = twoDigitsAt(text, 8);
  if (month < 1 || month > 12 || day < 1 || twoDigitsAt(text, 11) > 23) return false;
  if (day <= 28) return !text.startsWith('0000');
  const year = twoDigitsAt(text, 0) * 100 + twoDigitsAt(text, 2);
  return year > 0 && day <= daysInMonth(year, month);
}

type Groups = Record<string, string | undefined>;

function parseDay(found: Groups): number | undefined {
  const year = Number(found.year);
  if (found.month !== undefined) {
    const month = Number(found.month);
    const day = Number(found.day);
    const valid = month >= 1 && month <= 12 && day >= 1 && day <= daysInMonth(year, month);
    return valid ? daysFromCivil(year, month, day) : undefined;
  }
  const newYear = daysFromCivil(year, 1, 1);
  if (found.yearDay !== undefined) {
    const day = Number(found.yearDay);
    return day >= 1 && day <= (isLeap(year) ? 366 : 365) ? newYear + day - 1 : undefined;
  }
  const week = Number(found.week);
  const weekDay = Number(found.weekDay);
  const monday = firstMonday(year) + (week - 1) * 7;
  const valid = week >= 1 && monday < firstMonday(year + 1) && weekDay >= 1 && weekDay <= 7;
  return valid ? monday + weekDay - 1 : undefined;
}

/** The Monday of a year's first ISO week, the week that contains 4 January. (1970-01-01 was a Thursday.) */
function firstMonday(year: number): number {
  const fourth = daysFromCivil(year, 1, 4);
  return fourth - ((((fourth + 3) % 7) + 7) % 7);
}

function parseTimeOfDay(found: Groups): Timestamp | undefined {
  const hour = Number(found.hour);
  const minute = Number(found.minute ?? 0);
  const second = Number(found.second ?? 0);
  const fraction = found.fraction ?? '';
  if (hour > 24 || minute > 59 || second > 60) return undefined;
  if (hour === 24 && (minute > 0 || second > 0 || /[1-9]/.test(fraction))) return undefined;
  // A fraction belongs to the smallest unit written: `10:30,5` is half past ten and thirty seconds.
  const unitS = found.second !== undefined ? 1 : found.minute !== undefined ? 60 : 3600;
  const fractionMicros = Math.floor((Number(fraction.slice(0, 9).padEnd(9, '0')) * unitS) / 1000);
  const wholeS = Math.floor(fractionMicros / 1_000_000);
  return { seconds: hour * 3600 + minute * 60 + second + wholeS, micros: fractionMicros - wholeS * 1_000_000 };
}

function parseOffset(found: Groups): number | 'local' | 'invalid' {
  if (found.zulu !== undefined) return 0;
  if (found.sign === undefined) return 'local';
  const hour = Number(found.offHour);
  const minute = Number(found.offMinute ?? 0);
  const second = Number(found.offSecond ?? 0);
  if (hour > 23 || minute > 59 || second > 59) return 'invalid';
  const offset = hour * 3600 + minute * 60 + second;
  return found.sign === '+' ? offset : -offset;
}

function twoDigitsAt(text: string, at: number): number {
  return (text.charCodeAt(at) - 48) * 10 + text.charCodeAt(at + 1) - 48;
}

function two(number: number): string {
  return number < 10 ? `0${number}` : String(number);
}
