/** docs/operations.md covers everything that Loghive reports; docs/production.md has the number of connections. */
import { readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { connect } from 'amqplib';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { SELF_ALERTS } from '../consumer/alerts/self-watch.js';
import { HEALTH_REASONS } from '../consumer/status.js';
import { program } from './cli/run-loghive.js';
import { documentOf } from './deploy/files.js';
import { onEnd, useBroker, useChild, useDatabase } from './support/use-servers.js';
import { eventually } from './support/wait.mjs';

const root = path.resolve(import.meta.dirname, '..');

/** The sections below a heading of the second level. */
const sectionsBelow = (heading: string) =>
  documentOf('docs/operations.md')
    .split(/^## /m)
    .find((part) => part.startsWith(`${heading}\n`))!
    .match(/^### .+$/gm)!
    .map((line) => line.slice('### '.length));

test('every reason of health has a section in docs/operations.md, and each section has its reason', () => {
  expect(sectionsBelow('Health')).toEqual([...HEALTH_REASONS]);
});

test('every alert of the consumer has a section in docs/operations.md, and each section has its alert', () => {
  expect(sectionsBelow('Alerts of the consumer')).toEqual([...SELF_ALERTS]);
});

test('every rule for Prometheus has a section in docs/operations.md, and each section has its rule', () => {
  const { groups } = parse(documentOf('deploy/prometheus/loghive-rules.yaml'));
  const rules = groups.flatMap((group: { rules: Array<{ alert: string }> }) => group.rules.map(({ alert }) => alert));
  expect(sectionsBelow('Alert rules of Prometheus').sort()).toEqual([...rules].sort());
});

test('the runbook covers every problem and every task', () => {
  expect(sectionsBelow('Runbook')).toEqual([
    'PostgreSQL is unreachable',
    'A disk is full',
    'A queue is at 80 percent',
    'The oldest record is at half of its TTL',
    'Dead letters',
    'Nothing consumes a queue',
    'A worker keeps dying',
    'RabbitMQ is unreachable',
  ]);
  expect(sectionsBelow('How to')).toEqual(
    ['replay', 'add a service', 'remove a service', 'stop and restart', 'upgrade'].map((what) => `How to ${what}`),
  );
});

/** The file of each notice, and parts of its text. */
const NOTICES: ReadonlyArray<readonly [file: string, ...words: string[]]> = [
  ['src/amqp/topology.ts', 'exists with different arguments', 'the user may not declare', 'could not be bound'],
  ['src/amqp/topology.ts', 'is exclusive to another connection', 'the broker refused', 'a quorum queue'],
  ['consumer/intake/queue-hazards.ts', 'has a delivery limit', 'is a stream'],
  ['consumer/intake/refused-queues.ts', 'cannot consume from queue'],
  ['consumer/retry-publisher.ts', 'retries cannot be published', 'unacknowledged because retries cannot be published'],
  ['consumer/storage-watch.ts', 'dead letters cannot be stored'],
  ['consumer/service-registrar.ts', 'service announcements cannot be stored'],
  ['consumer/service-registrar.ts', 'new services announced themselves within one second'],
  ['consumer/service-registrar.ts', 'services have announced themselves. Further ones'],
  ['consumer/discovery.ts', 'services found by other consumers cannot be read'],
  ['consumer/alerts/alerts.ts', 'alerts are delayed because their tables cannot be used'],
  ['consumer/alerts/delivery.ts', 'alerts cannot be sent by'],
  ['consumer/store/alert-outbox.ts', 'errors are stored, but alerts are buffered in memory'],
  ['consumer/pool.ts', 'has died'],
];

test('every notice has a row in docs/operations.md that quotes it', () => {
  const section = documentOf('docs/operations.md').split('### notice\n')[1]!.split(/^## /m)[0]!;
  for (const [file, ...all] of NOTICES) {
    for (const words of all) {
      expect(readFileSync(path.join(root, file), 'utf8'), file).toContain(words);
      expect(section).toContain(words);
    }
  }
});

test('only the files of these notices report any', () => {
  const files = readdirSync(path.join(root, 'consumer'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .filter((name) => /notices\.(?:once|report)\(/.test(readFileSync(path.join(root, 'consumer', name), 'utf8')))
    .map((name) => `consumer/${name.replaceAll(path.sep, '/')}`);
  // Other files of the table report through these.
  const reporters = ['consumer/worker.ts', 'consumer/intake/intake.ts', 'consumer/store/retention.ts'];
  const known = new Set([...NOTICES.map(([file]) => file), ...reporters]);
  expect(files.filter((file) => !known.has(file))).toEqual([]);
});

test('a consumer has as many connections as docs/production.md says', { timeout: 60_000 }, async () => {
  const [broker, database] = await Promise.all([useBroker(), useDatabase()]);
  const workers = 2;
  const child = useChild(program, {
    args: ['consume', 'shop', '--http-port', '0', '--url', broker.url, '--database-url', database.url],
    env: { CONSUMER_WORKERS: String(workers), ALERT_WEBHOOK_URL: 'http://127.0.0.1:1/' },
    cwd: tmpdir(),
  });
  await child.waitForLine(/consuming messages of shop/, 30_000);
  // One for each worker and one more, one for alerts, and one for indexes while records arrive. The one for partitions
  // is closed again.
  const ofPostgres = `select 1 from pg_stat_activity where application_name = 'loghive' and datname = current_database()`;
  await eventually(async () =>
    expect((await broker.admin.listConnections({ vhost: broker.vhost })).length).toBe(2 * workers + 1),
  );
  const connection = await connect(broker.url);
  onEnd(() => connection.close());
  const channel = await connection.createConfirmChannel();
  const record = JSON.stringify({ service: 'shop', level: 'INFO', message: 'm', timestamp: new Date().toISOString() });
  // A worker connects when it has something to store.
  await eventually(
    async () => {
      for (let n = 0; n < 20; n++) channel.publish('logs_exchange', 'shop.info', Buffer.from(record));
      await channel.waitForConfirms();
      expect((await database.query(ofPostgres)).length).toBe(workers + 3);
    },
    { everyMs: 100 },
  );
});
