/** The dashboards. Rendering can only be checked in Grafana. */
import { describe, expect, test } from 'vitest';
import { item, newStore, openClient, write } from '../consumer/store/database.js';
import { files, textOf } from './files.js';
import { expectKnownMetrics } from './metric-names.js';

interface Panel {
  id: number;
  type: string;
  title: string;
  datasource?: object;
  gridPos: { x: number; y: number; w: number; h: number };
  targets: Array<{ datasource: object; expr: string; rawSql: string }>;
}

interface Variable {
  name: string;
  type: string;
  query: string;
  definition: string;
  datasource?: object;
}

interface Dashboard {
  uid: string;
  links: Array<{ url: string }>;
  panels: Panel[];
  templating: { list: Variable[] };
}

const dashboards = files.filter((file) => file.startsWith('grafana/'));
const dashboardOf = (name: string): Dashboard => JSON.parse(textOf(name));
const panelsOf = (name: string) => dashboardOf(name).panels.filter(({ type }) => type !== 'row');
const targetsOf = (name: string) => panelsOf(name).flatMap(({ targets }) => targets);

/** A reference to a variable. */
const placeholder = (name: string) => `$\{${name}}`;

test('there is a dashboard for metrics and one for records', () => {
  expect([...dashboards].sort()).toEqual(['grafana/loghive-metrics.json', 'grafana/loghive-records.json']);
});

describe.each(dashboards)('%s', (name) => {
  const dashboard = dashboardOf(name);
  const variables = dashboard.templating.list;

  test('has the properties that Grafana requires', () => {
    expect(dashboard).toMatchObject({
      uid: expect.stringMatching(/^[\w-]{1,40}$/),
      title: expect.stringMatching(/^Loghive: /),
      schemaVersion: expect.any(Number),
      time: { from: expect.stringMatching(/^now-\d+h$/), to: 'now' },
    });
    // Grafana assigns it.
    expect(dashboard).not.toHaveProperty('id');
    const ids = dashboard.panels.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    // Links to other dashboards use their uid.
    for (const { url } of dashboard.links) {
      expect(dashboards.map((other) => `/d/${dashboardOf(other).uid}`)).toContain(url);
    }
  });

  test('has panels that do not overlap', () => {
    const cells = new Set<string>();
    let taken = 0;
    for (const { gridPos } of dashboard.panels) {
      expect(gridPos.x + gridPos.w).toBeLessThanOrEqual(24);
      taken += gridPos.w * gridPos.h;
      for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++) {
        for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) cells.add(`${x},${y}`);
      }
    }
    expect(cells.size).toBe(taken);
  });

  test('uses a variable for every data source', () => {
    const [source] = variables;
    expect(source).toMatchObject({ name: 'datasource', type: 'datasource' });
    const used = [...panelsOf(name), ...targetsOf(name), ...variables].flatMap(({ datasource }) => datasource ?? []);
    expect(used.length).toBeGreaterThan(10);
    for (const datasource of used) expect(datasource).toEqual({ type: source!.query, uid: placeholder('datasource') });
  });

  test('uses only defined variables', () => {
    const names = [...variables.map((variable) => variable.name), '__rate_interval', '__interval', '__all'];
    const text = JSON.stringify(dashboard);
    const used = [...text.matchAll(/\$\{(\w+)|\$([a-z_]\w*)(?!\w*\()/g)].map(([, braced, plain]) => braced ?? plain);
    expect(used.filter((one) => !names.includes(one!))).toEqual([]);
  });
});

test('every metric and label of the metrics dashboard exists', () => {
  const expressions = targetsOf('grafana/loghive-metrics.json').map(({ expr }) => expr);
  expect(expressions.length).toBeGreaterThan(20);
  for (const expression of expressions) expectKnownMetrics(expression);
  const queries = dashboardOf('grafana/loghive-metrics.json').templating.list.filter(({ type }) => type === 'query');
  for (const { definition } of queries) {
    const [, metric, label] = /^label_values\((\w+), (\w+)\)$/.exec(definition)!;
    expectKnownMetrics(`sum by (${label}) (${metric})`);
  }
});

/** Interpolates values into SQL like Grafana; the value for all services is inserted unchanged. */
const sqlString = (...texts: string[]) => texts.map((text) => `'${text.replaceAll("'", "''")}'`).join(',');
const EVERY_LEVEL = ['DEBUG', 'INFO', 'WARNING', 'ERROR', 'CRITICAL'];

function expanded(sql: string, chosen: { service?: string; levels?: string[]; search?: string } = {}): string {
  const { service, levels = EVERY_LEVEL, search = '' } = chosen;
  const text = sql
    .replace(/\$__timeFilter\((\w+)\)/g, "$1 BETWEEN now() - interval '1 hour' AND now() + interval '1 hour'")
    .replace(/\$__timeGroupAlias\((\w+), \$__interval\)/g, 'floor(extract(epoch from $1)/60)*60 AS "time"')
    .replaceAll(placeholder('schema:raw'), 'logs')
    .replaceAll(placeholder('service:sqlstring'), service === undefined ? "'*'" : sqlString(service))
    .replaceAll(placeholder('level:sqlstring'), sqlString(...levels))
    .replaceAll(placeholder('search:sqlstring'), sqlString(search));
  expect(text).not.toContain('$');
  return text;
}

test('the SQL of the records dashboard runs as a read-only user and returns the selected records', async () => {
  const { store, url } = await newStore();
  await write(
    store,
    [
      item({ service: 'shop', level: 'ERROR', message: "the customer's payment failed" }),
      item({ service: 'shop', level: 'INFO', message: 'paid' }),
      item({ service: 'till', level: 'CRITICAL', message: 'out of paper' }),
    ],
    {
      letters: [
        {
          raw: Buffer.from('no JSON'),
          code: 'invalid',
          reason: 'it is no record',
          attempts: 1,
          queue: 'shop_info_logs',
          routingKey: 'shop.info',
          headers: {},
        },
      ],
    },
  );
  const client = await openClient(url);
  await client.query("insert into logs.services (service) values ('shop')");
  // Rolled back with the transaction.
  await client.query('begin');
  await client.query('create role loghive_dashboard_reader');
  await client.query('grant usage on schema logs to loghive_dashboard_reader');
  await client.query('grant select on all tables in schema logs to loghive_dashboard_reader');
  await client.query('set local role loghive_dashboard_reader');
  const panels = new Map(
    panelsOf('grafana/loghive-records.json').map(({ title, targets }) => [title, targets[0]!.rawSql]),
  );
  const rows = async (title: string, chosen?: Parameters<typeof expanded>[1]) =>
    (await client.query(expanded(panels.get(title)!, chosen))).rows;

  for (const title of panels.keys()) expect((await rows(title)).length, title).toBeGreaterThan(0);
  const messages = async (chosen: Parameters<typeof expanded>[1]) =>
    (await rows('Latest records', chosen)).map(({ message }) => message).sort();
  expect(await messages({ service: 'shop' })).toEqual(['paid', "the customer's payment failed"]);
  expect(await messages({ levels: ['CRITICAL'] })).toEqual(['out of paper']);
  expect(await messages({ search: "CUSTOMER'S" })).toEqual(["the customer's payment failed"]);
  expect(await messages({ search: '%' })).toEqual([]);
  expect(await rows('Errors by service')).toEqual([
    { service: 'shop', records: '1' },
    { service: 'till', records: '1' },
  ]);
  expect(await rows('Dead letters', { service: 'till' })).toEqual([]);
  const query = dashboardOf('grafana/loghive-records.json').templating.list.find(({ name }) => name === 'service');
  expect((await client.query(expanded(query!.query))).rows).toEqual([{ service: 'shop' }]);
});
