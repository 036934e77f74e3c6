import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { PATHS } from '../../consumer/http/routes.js';
import { CONSUMER_METRICS } from '../../consumer/metrics/table.js';
import type { MetricDefinition } from '../../src/metrics/metric.js';
import { PRODUCER_METRICS } from '../../src/metrics/producer-metrics.js';

const document = (name: string) => readFileSync(path.resolve(import.meta.dirname, '../../docs', name), 'utf8');

/** The cells of each table row that starts with a name in backticks. */
function rows(text: string): string[][] {
  return [...text.matchAll(/^\| `.*\|$/gm)].map(([line]) => line.split(/ \| |^\| | ?\|$/).slice(1, -1));
}

const row = ({ name, type, labels, help }: MetricDefinition) => [
  `\`${name}\``,
  type,
  labels.map((label) => `\`${label}\``).join(', '),
  help,
];

test.each([
  ['The consumer', CONSUMER_METRICS],
  ['Producers', PRODUCER_METRICS],
])('docs/metrics.md lists the metrics of the code, word for word and in order: %s', (heading, metrics) => {
  const section =
    document('metrics.md')
      .split(/^## /m)
      .find((part) => part.startsWith(heading)) ?? '';
  const rowLines = section.split('\n').filter((line) => line.startsWith('| `'));
  const cells = rowLines.map((line) =>
    line
      .split('|')
      .map((cell) => cell.trim())
      .slice(1, -1),
  );
  expect(cells.map((each) => each.slice(0, 4))).toEqual(metrics.map(row));
  // Each row has instructions.
  for (const each of cells) expect(each[4]?.length).toBeGreaterThan(10);
});

test('every metric follows the naming rules', () => {
  const all: readonly MetricDefinition[] = [...CONSUMER_METRICS, ...PRODUCER_METRICS];
  expect(new Set(all.map(({ name }) => name)).size).toBe(all.length);
  for (const { name, type, help, labels } of all) {
    expect(name).toMatch(/^loghive_[a-z_]+$/);
    expect(name.endsWith('_total')).toBe(type === 'counter');
    expect(name).not.toMatch(/_(?:ms|milliseconds|minutes|kb|mb|percent)(?:_|$)/);
    expect(help).toMatch(/^[A-Z1].*\.$/);
    for (const label of labels) expect(label).toMatch(/^[a-z]+$/);
  }
});

test('docs/monitoring.md lists every path, and only existing metrics', () => {
  const text = document('monitoring.md');
  expect(
    rows(text)
      .map(([path]) => path)
      .filter((cell) => cell?.startsWith('`/'))
      .sort(),
  ).toEqual(PATHS.map((each) => `\`${each}\``).sort());
  const known = new Set<string>([...CONSUMER_METRICS, ...PRODUCER_METRICS].map(({ name }) => name));
  const used = text.match(/loghive_[a-z_]+/g)?.map((name) => name.replace(/_bucket$/, '')) ?? [];
  expect(used.length).toBeGreaterThan(5);
  expect(used.filter((name) => !known.has(name))).toEqual([]);
});
