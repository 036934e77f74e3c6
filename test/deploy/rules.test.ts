/** The alert rules and the PromQL of the dashboard, checked with promtool. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { requirePromtool } from '../support/promtool.mjs';
import { onEnd } from '../support/use-servers.js';
import { folder, sectionsOf, textOf, yamlOf } from './files.js';
import { expectKnownMetrics } from './metric-names.js';

const file = path.join(folder, 'prometheus/loghive-rules.yaml');
interface Rule {
  alert: string;
  expr: string;
  labels: { severity: string };
  annotations: Record<'summary' | 'description' | 'runbook', string>;
}

const [{ groups }] = yamlOf('prometheus/loghive-rules.yaml');
const rules: Rule[] = groups.flatMap((group: { rules: Rule[] }) => group.rules);

function promtool(...args: string[]): { status: number | null; output: string } {
  const { status, stdout, stderr } = spawnSync(requirePromtool(), args, { encoding: 'utf8' });
  return { status, output: `${stdout}${stderr}` };
}

function written(content: unknown): string {
  const place = mkdtempSync(path.join(tmpdir(), 'loghive-rules-'));
  onEnd(() => rmSync(place, { recursive: true, force: true }));
  const name = path.join(place, 'rules.yaml');
  writeFileSync(name, stringify(content));
  return name;
}

// It may have to be installed first.
beforeAll(() => void requirePromtool(), 180_000);

test('promtool accepts the rules', () => {
  const { status, output } = promtool('check', 'rules', file);
  expect(output).toContain(`SUCCESS: ${rules.length} rules found`);
  expect(status).toBe(0);
});

test('promtool accepts every query of the dashboard', () => {
  const panels: Array<{ targets?: Array<{ expr: string }> }> = JSON.parse(
    textOf('grafana/loghive-metrics.json'),
  ).panels;
  const queries = panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr));
  const plain = queries.map((query, at) => ({
    record: `query:${at}`,
    expr: query.replaceAll('$__rate_interval', '5m').replace(/\$\w+/g, '.*'),
  }));
  const { status, output } = promtool('check', 'rules', written({ groups: [{ name: 'queries', rules: plain }] }));
  expect(output).toContain(`SUCCESS: ${queries.length} rules found`);
  expect(status).toBe(0);
});

describe.each(rules)('$alert', (rule) => {
  test('uses existing metrics and labels, and has a summary, a description and a runbook', () => {
    expectKnownMetrics(rule.expr);
    expect(['warning', 'critical']).toContain(rule.labels.severity);
    const { summary, description, runbook, ...others } = rule.annotations;
    expect(others).toEqual({});
    expect(summary).not.toMatch(/\.$/);
    expect(description).toMatch(/\.$/);
    const [document, section] = runbook.split('#') as [string, string];
    expect(document).toBe('docs/operations.md');
    expect(section).toBe(rule.alert.toLowerCase());
    expect(sectionsOf(document)).toContain(section);
  });
});

test('an alert fires for its problem, and not otherwise', () => {
  const lane = '{service="shop",level="ERROR"}';
  const consumer = '{job="loghive",instance="a:7464"}';
  const well: Record<string, string> = {
    loghive_build_info: '1x90',
    loghive_storage_up: '1x90',
    loghive_broker_connected: '1x90',
    loghive_workers: '2x90',
    loghive_queue_message_ttl_seconds: '604800x90',
  };
  const series = (values: Record<string, string>) =>
    Object.entries(values).map(([name, value]) => ({
      series: name.includes('{') ? name : `${name}${consumer}`,
      values: value.includes('+') ? value : value.replace('x', '+0x'),
    }));
  const firing = (input: Record<string, string>, alerts: string[]) => ({
    interval: '1m',
    input_series: series(input),
    promql_expr_test: [
      {
        expr: 'group by (alertname) (ALERTS{alertstate="firing"})',
        eval_time: '60m',
        exp_samples: alerts.map((alertname) => ({ labels: `{alertname="${alertname}"}`, value: 1 })),
      },
    ],
  });
  const tests = [
    firing(well, []),
    firing({}, ['LoghiveNoConsumer']),
    firing({ ...well, loghive_storage_up: '0x90', 'loghive_health{state="unhealthy",instance="a:7464"}': '1x90' }, [
      'LoghiveStorageDown',
      'LoghiveUnhealthy',
    ]),
    firing({ ...well, loghive_broker_connected: '0x90', loghive_workers: '0x90' }, [
      'LoghiveBrokerDisconnected',
      'LoghiveNoWorker',
    ]),
    firing(
      {
        ...well,
        'loghive_queue_limit_ratio{queue="shop_error_logs"}': '1x90',
        'loghive_queue_consumers{queue="shop_error_logs"}': '0x90',
        'loghive_queue_messages{queue="shop_error_logs"}': '7x90',
        'loghive_oldest_record_age_seconds{service="shop",job="loghive",instance="a:7464"}': '302401x90',
      },
      [
        'LoghiveBehind',
        'LoghiveQueueFillingUp',
        'LoghiveQueueFull',
        'LoghiveQueueWithoutConsumer',
        'LoghiveRecordsExpireSoon',
      ],
    ),
    // Old, but not relative to the TTL of its consumer.
    firing(
      {
        ...well,
        'loghive_oldest_record_age_seconds{service="shop",job="loghive",instance="a:7464"}': '50x90',
        'loghive_queue_message_ttl_seconds{job="other",instance="b:7464"}': '60x90',
      },
      [],
    ),
    firing({ ...well, loghive_maintenance_failures_total: '0+1x90' }, ['LoghiveMaintenanceFailing']),
    firing({ ...well, loghive_maintenance_failures_total: '5x90' }, []),
    // It is empty.
    firing({ ...well, 'loghive_queue_consumers{queue="q"}': '0x90', 'loghive_queue_messages{queue="q"}': '0x90' }, []),
    // The very first record is a dead letter: the series starts with it.
    firing({ ...well, [`loghive_records_dead_lettered_total${lane}`]: '_x30 1x50' }, ['LoghiveDeadLetters']),
    firing({ ...well, [`loghive_records_dead_lettered_total${lane}`]: '5x90' }, []),
  ];
  // "_x30" and series without increments are written differently.
  for (const { input_series } of tests)
    for (const one of input_series) one.values = one.values.replace('_+0x', '_x').replace(/ (\d+)x/, ' $1+0x');
  const { status, output } = promtool(
    'test',
    'rules',
    written({ rule_files: [file], evaluation_interval: '1m', tests }),
  );
  expect(output).toContain('SUCCESS');
  expect(status).toBe(0);
});
