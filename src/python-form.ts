/** Writes a record as the Python package does: the same JSON, but with the time as local time without an offset. */
import { formatTimestamp, timestampFromMicros } from './time/timestamp.js';

/** `"2026-01-31T10:30:45.123456Z"}` */
const TAIL_LENGTH = 30;

/**
 * @param line output of `encodeRecord`, with the timestamp as its last field.
 * @param epochMicros the record's time. Consumers infer the offset from the AMQP timestamp of the message.
 */
export function pythonForm(line: string, epochMicros: number): string {
  const offsetMinutes = new Date(epochMicros / 1000).getTimezoneOffset();
  const local = formatTimestamp(timestampFromMicros(epochMicros - offsetMinutes * 60_000_000));
  return `${line.slice(0, -TAIL_LENGTH)}"${local.slice(0, -1).replace('T', ' ')}"}`;
}
