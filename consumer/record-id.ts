/** Creates an id for a record without one, from the record's own time, so that it sorts with the others. */
import type { Timestamp } from '../src/time/timestamp.js';
import { uuidv7At } from '../src/uuid.js';

/** Last second that fits into the 48-bit milliseconds of a UUIDv7. */
const LAST_SECOND = Math.floor((2 ** 48 - 1) / 1000) - 1;

export function recordId(time: Timestamp): string {
  const seconds = Math.min(Math.max(time.seconds, 0), LAST_SECOND);
  return uuidv7At({ seconds, micros: time.micros });
}
