/** A column of timestamps as text, ISO 8601 in UTC to the microsecond: JavaScript's Date knows milliseconds only. Pure. */
export function isoTime(column: string): string {
  return `to_char(${column} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`;
}
