/** Rows of the table as records, and positions between them. Pure. */
import { LoghiveError } from '../src/errors.js';
import type { StoredRecord } from '../src/record.js';
import { formatTimestamp, isCanonicalTimestamp, parseTimestamp } from '../src/time/timestamp.js';
import { isUuid } from '../src/uuid.js';

/**
 * Select list whose rows are records, after `recordOf`. Everything is text, so that nothing is rounded or written
 * differently.
 */
export const RECORD_COLUMNS = `id::text as id, ts::text as "timestamp", service, level::text as level, message,
  information::text as information`;

/** A record from a row with `RECORD_COLUMNS` and possibly others. */
export function recordOf({ id, timestamp, service, level, message, information }: StoredRecord): StoredRecord {
  return { id, timestamp: timestampOf(timestamp), service, level, message, information };
}

/**
 * PostgreSQL's text of a time, in UTC and the format ISO, as a canonical timestamp: `2026-01-31 10:30:45.12+00`.
 * `to_char` would take several times as long.
 */
export function timestampOf(text: string): string {
  const found = /^(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d)(?:\.(\d{1,6}))?\+00$/.exec(text);
  return found === null ? text : `${found[1]}T${found[2]}.${(found[3] ?? '').padEnd(6, '0')}Z`;
}

/** Canonical times: `2026-01-31T10:30:45.123456Z`. */
export interface TimeRange {
  /** Earliest time, inclusive. Default: the oldest record. */
  readonly since?: string | undefined;
  /** Latest time, exclusive. Default: the newest record, even if its clock was ahead. */
  readonly until?: string | undefined;
}

/** A position in the order of (ts, id). */
export interface Position {
  readonly timestamp: string;
  readonly id: string;
}

export const FIRST_ID = '00000000-0000-0000-0000-000000000000';
export const LAST_ID = 'ffffffff-ffff-ffff-ffff-ffffffffffff';

export function positionOf({ timestamp, id }: StoredRecord): Position {
  return { timestamp, id };
}

/** The position next to this one, from which a search in the direction of `towards` finds the record at this one. */
export function justBefore({ timestamp, id }: Position, towards: 'newer' | 'older'): Position {
  if (id === (towards === 'older' ? LAST_ID : FIRST_ID)) return { timestamp, id };
  const number = BigInt(`0x${id.replaceAll('-', '')}`) + (towards === 'older' ? 1n : -1n);
  const hex = number.toString(16).padStart(32, '0');
  return { timestamp, id: hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-') };
}

/** Where a page begins: after this position, in the direction of time. */
export interface Cursor {
  readonly towards: 'newer' | 'older';
  readonly position: Position;
}

export function cursorText({ towards, position }: Cursor): string {
  return `${towards}.${position.timestamp}.${position.id}`;
}

/** @throws LoghiveError LOGHIVE_INVALID_OPTION if a time is not one, or has no time zone. */
export function checkedRange({ since, until }: TimeRange): TimeRange {
  return { since: canonicalTime('since', since), until: canonicalTime('until', until) };
}

function canonicalTime(name: string, text: string | undefined): string | undefined {
  if (text === undefined || isCanonicalTimestamp(text)) return text;
  const time = parseTimestamp(text, () => Number.NaN);
  if (time !== undefined && !Number.isNaN(time.seconds)) return formatTimestamp(time);
  throw new LoghiveError(
    'LOGHIVE_INVALID_OPTION',
    `option "${name}" is ${JSON.stringify(text.slice(0, 100))}, expected a time with its time zone such as 2026-01-31T10:30:45Z`,
  );
}

/** @throws LoghiveError LOGHIVE_INVALID_OPTION */
export function parseCursor(text: string): Cursor {
  const [, towards, timestamp = '', id = ''] = /^(newer|older)\.(.{27})\.(.{36})$/.exec(text) ?? [];
  if (!isCanonicalTimestamp(timestamp) || !isUuid(id)) {
    throw new LoghiveError(
      'LOGHIVE_INVALID_OPTION',
      `option "cursor" is ${JSON.stringify(text.slice(0, 100))}, expected the "next" or "previous" of another page`,
    );
  }
  return { towards: towards as Cursor['towards'], position: { timestamp, id } };
}
