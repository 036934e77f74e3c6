/** Rows of the table as records, and positions between them. Pure. */
import { isoTime } from '../consumer/store/sql.js';
import { LoghiveError } from '../src/errors.js';
import type { StoredRecord } from '../src/record.js';
import { isCanonicalTimestamp } from '../src/time/timestamp.js';
import { isUuid } from '../src/uuid.js';

/** Select list whose rows are records. Everything is text, so that nothing is rounded or written differently. */
export const RECORD_COLUMNS = `id::text as id, ${isoTime('ts')} as "timestamp", service, level::text as level, message,
  information::text as information`;

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

/** Where a page begins: after this position, in the direction of time. */
export interface Cursor {
  readonly towards: 'newer' | 'older';
  readonly position: Position;
}

export function cursorText({ towards, position }: Cursor): string {
  return `${towards}.${position.timestamp}.${position.id}`;
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
