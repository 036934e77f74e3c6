/** Comma-separated values. Pure. */

/** RFC 4180, except that rows end with a line feed alone, which is not included. */
export function csvRow(cells: readonly string[]): string {
  return cells.map((cell) => (/[",\r\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell)).join();
}
