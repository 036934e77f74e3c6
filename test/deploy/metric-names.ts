/** The metrics in a PromQL expression, and the labels that it uses. */
import { collectDefaultMetrics, Registry } from 'prom-client';
import { expect } from 'vitest';
import { CONSUMER_METRICS } from '../../consumer/metrics/table.js';
import { PRODUCER_METRICS } from '../../src/metrics/producer-metrics.js';

interface Known {
  name: string;
  labels: readonly string[];
}

const own: Known[] = [...CONSUMER_METRICS, ...PRODUCER_METRICS].flatMap(({ name, type, labels }): Known[] =>
  type === 'histogram'
    ? [
        { name: `${name}_bucket`, labels: [...labels, 'le'] },
        { name: `${name}_sum`, labels },
        { name: `${name}_count`, labels },
      ]
    : [{ name, labels }],
);
const registry = new Registry();
collectDefaultMetrics({ register: registry });
const ofProcess: Known[] = registry.getMetricsAsArray().map(({ name }) => ({ name, labels: [] }));
const known = new Map([...own, ...ofProcess].map((metric) => [metric.name, metric]));

/** Labels that Prometheus adds to every scraped series. */
const SCRAPED = ['job', 'instance'];

export function expectKnownMetrics(expression: string): void {
  const names = [...expression.matchAll(/\b(?:loghive|process|nodejs)_\w+/g)].map(([name]) => name);
  expect(names, expression).not.toEqual([]);
  expect(
    names.filter((name) => !known.has(name)),
    expression,
  ).toEqual([]);
  const labels = new Set([...names.flatMap((name) => known.get(name)!.labels), ...SCRAPED]);
  const asked = [
    ...[...expression.matchAll(/\bby \(([^)]*)\)/g)].flatMap(([, list]) => list!.split(',').map((name) => name.trim())),
    ...[...expression.matchAll(/(\w+)\s*=~?"/g)].map(([, name]) => name!),
  ];
  expect(
    asked.filter((name) => !labels.has(name)),
    expression,
  ).toEqual([]);
}
