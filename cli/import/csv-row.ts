/** Parses one row of csv (RFC 4180). Pure. */

/** @returns the cells; as a text, why it is not csv. */
export function parseCsvRow(row: string): string[] | string {
  const cells: string[] = [];
  for (let at = 0; ; at += 1) {
    if (row[at] === '"') {
      const end = closingQuote(row, at);
      if (end === -1) return `it is not csv: the quote of cell ${cells.length + 1} is not closed`;
      cells.push(row.slice(at + 1, end).replaceAll('""', '"'));
      at = end + 1;
    } else {
      const comma = row.indexOf(',', at);
      const end = comma === -1 ? row.length : comma;
      cells.push(row.slice(at, end));
      at = end;
    }
    if (at >= row.length) return cells;
    if (row[at] !== ',') return `it is not csv: text follows the quote of cell ${cells.length}`;
  }
}

/** In quotes, a quote is doubled. */
function closingQuote(row: string, open: number): number {
  let at = row.indexOf('"', open + 1);
  while (at !== -1 && row[at + 1] === '"') at = row.indexOf('"', at + 2);
  return at;
}
