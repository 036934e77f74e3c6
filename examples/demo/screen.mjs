/** The output: a line for each event, a status line every second, tables at the end. */
const COLORS = { dim: 2, bold: 1, red: 31, green: 32, yellow: 33, cyan: 36 };

/** @param stream stdout, or stderr if stdout is for JSON */
export function openScreen(stream) {
  const startedMs = performance.now();
  const paint = (color, text) => (stream.isTTY ? `\x1b[${COLORS[color]}m${text}\x1b[0m` : text);
  const clock = () => paint('dim', `${((performance.now() - startedMs) / 1000).toFixed(1).padStart(5)} s`);
  const write = (text) => stream.write(`${text}\n`);

  return {
    seconds: () => (performance.now() - startedMs) / 1000,
    title: (text) => write(`\n${paint('bold', text)}`),
    blank: () => write(''),
    text: (text) => write(text),
    step: (text) => write(`${clock()}  ${text}`),
    good: (text) => write(`${clock()}  ${paint('green', '✔')} ${text}`),
    bad: (text) => write(`${clock()}  ${paint('red', '✘')} ${text}`),
    numbers: (values) => write(`${clock()}  ${paint('dim', meters(values))}`),
    table(rows) {
      const [first = {}] = rows;
      const names = Object.keys(first);
      const shown = rows.map((row) => names.map((name) => textOf(row[name])));
      const widths = names.map((name, at) => Math.max(name.length, ...shown.map((cells) => cells[at].length)));
      const line = (cells) => cells.map((cell, at) => aligned(cell, widths[at], first[names[at]])).join('  ');
      write(`\n  ${paint('cyan', line(names))}`);
      for (const cells of shown) write(`  ${line(cells)}`);
    },
  };
}

function meters(values) {
  return Object.entries(values)
    .map(([name, value]) => `${name} ${String(value).padStart(5)}`)
    .join('   ');
}

function textOf(value) {
  if (value === null || value === undefined) return '';
  if (value instanceof Date) return value.toISOString();
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

function aligned(cell, width, example) {
  return typeof example === 'number' ? cell.padStart(width) : cell.padEnd(width);
}
