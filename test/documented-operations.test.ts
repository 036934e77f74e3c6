/**
 * docs/operations.md has an entry for every message that Loghive reports about itself, and the numbers in
 * docs/production.md are correct.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { connect } from 'amqplib';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { SELF_ALERTS } from '../consumer/alerts/self-watch.js';
import { HEALTH_REASONS } from '../consumer/health-reasons.js';
import { program } from './cli/run-loghive.js';
import { documentOf, sectionsOf } from './deploy/files.js';
import { onEnd, useBroker, useChild, useDatabase } from './support/use-servers.js';
import { eventually } from './support/wait.mjs';

const root = path.resolve(import.meta.dirname, '..');
const sections = sectionsOf('docs/operations.md');

/** Subsections of a second-level heading. */
const sectionsBelow = (heading: string) =>
  documentOf('docs/operations.md')
    .split(/^## /m)
    .find((part) => part.startsWith(`${heading}\n`))!
    .match(/^### .+$/gm)!
    .map((line) => line.slice('### '.length));

test('every health reason has a section, and there are no others', () => {
  expect(sectionsBelow('Health')).toEqual([...HEALTH_REASONS]);
});

test('every alert of the consumer has a section, and there are no others', () => {
  expect(sectionsBelow('Alerts of the consumer')).toEqual([...SELF_ALERTS]);
});

test('every Prometheus rule has a section, and there are no others', () => {
  const { groups } = parse(documentOf('deploy/prometheus/loghive-rules.yaml'));
  const rules = groups.flatMap((group: { rules: Array<{ alert: string }> }) => group.rules.map(({ alert }) => alert));
  const told = sectionsBelow('Alert rules of Prometheus');
  expect([...told].sort()).toEqual([...rules].sort());
});

test('the runbook covers failures and tasks', () => {
  expect(sectionsBelow('Runbook')).toEqual([
    'PostgreSQL is away',
    'A disk is full',
    'A queue is at 80 percent',
    'The oldest record is at half of its TTL',
    'Dead letters',
    'Nobody takes messages from a queue',
    'A worker keeps dying',
    'RabbitMQ is away',
  ]);
  expect(sectionsBelow('How to')).toEqual(
    ['replay', 'add a service', 'remove a service', 'stop and restart', 'upgrade'].map((what) => `How to ${what}`),
  );
});

/** The source file of each notice, with a part of its text. */
const NOTICES: ReadonlyArray<readonly [file: string, ...words: string[]]> = [
  ['src/amqp/topology.ts', 'exists with different arguments', 'the user may not declare', 'could not be bound'],
  ['src/amqp/topology.ts', 'is exclusive to another connection', 'the broker refused', 'a quorum queue'],
  ['consumer/intake/queue-hazards.ts', 'has a delivery limit', 'is a stream'],
  ['consumer/intake/refused-queues.ts', 'no messages can be taken from queue'],
  [
    'consumer/pending-republishes.ts',
    'retries cannot be published',
    'unacknowledged because retries cannot be published',
  ],
  ['consumer/storage-watch.ts', 'dead letters cannot be stored'],
  ['consumer/announcements.ts', 'announcements of services cannot be kept'],
  ['consumer/announcements.ts', 'new services announced themselves within a second'],
  ['consumer/announcements.ts', 'services are announced, and no further one is taken'],
  ['consumer/discovery.ts', 'services that other consumers have found are not known'],
  ['consumer/alerts/alerts.ts', 'alerts are delayed because their tables cannot be used'],
  ['consumer/alerts/delivery.ts', 'alerts cannot be sent by'],
  ['consumer/store/alert-outbox.ts', 'errors are stored, but alerts are buffered in memory'],
  ['consumer/pool.ts', 'has died'],
];

test('every notice has a row that contains its text', () => {
  const section = documentOf('docs/operations.md').split('### notice\n')[1]!.split(/^## /m)[0]!;
  for (const [file, ...all] of NOTICES) {
    for (const words of all) {
      expect(readFileSync(path.join(root, file), 'utf8'), file).toContain(words);
      expect(section).toContain(words);
    }
  }
});

/** All notices are reported by these files; the others in the table are reported through them. */
test('no other file reports a notice', () => {
  const files = readdirSync(path.join(root, 'consumer'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .filter((name) => /notices\.(?:once|report)\(/.test(readFileSync(path.join(root, 'consumer', name), 'utf8')))
    .map((name) => `consumer/${name.replaceAll(path.sep, '/')}`);
  const byWayOf = ['consumer/worker.ts', 'consumer/intake/intake.ts', 'consumer/store/retention.ts'];
  const known = new Set([...NOTICES.map(([file]) => file), ...byWayOf]);
  expect(files.filter((file) => !known.has(file))).toEqual([]);
});

test('every link in the two documents is valid', () => {
  for (const name of ['docs/operations.md', 'docs/production.md']) {
    const links = [...documentOf(name).matchAll(/\]\(([^)]+)\)/g)].map(([, link]) => link!);
    expect(links.length).toBeGreaterThan(5);
    for (const link of links) {
      const [file, section] = link.split('#') as [string, string?];
      const target = file === '' ? name : path.join('docs', file);
      if (section === undefined) expect(documentOf(target).length).toBeGreaterThan(0);
      else expect(sectionsOf(target), link).toContain(section);
    }
  }
  expect(sections.length).toBeGreaterThan(30);
});

test('a consumer has as many connections as docs/production.md states', async () => {
  const [broker, database] = await Promise.all([useBroker(), useDatabase()]);
  const workers = 2;
  const child = useChild(program, {
    args: ['consume', 'shop', '--http-port', '0', '--url', broker.url, '--database-url', database.url],
    env: { CONSUMER_WORKERS: String(workers), ALERT_WEBHOOK_URL: 'http://127.0.0.1:1/' },
    cwd: tmpdir(),
  });
  await child.waitForLine(/taking messages of shop/);
  // One for each worker and one more, one for alerts, and one for the index while records arrive; that for partitions
  // was returned.
  const ofPostgres = `select 1 from pg_stat_activity where application_name = 'loghive' and datname = current_database()`;
  await eventually(async () =>
    expect((await broker.admin.listConnections({ vhost: broker.vhost })).length).toBe(2 * workers + 1),
  );
  const connection = await connect(broker.url);
  onEnd(() => connection.close());
  const channel = await connection.createConfirmChannel();
  const record = JSON.stringify({ service: 'shop', level: 'INFO', message: 'm', timestamp: new Date().toISOString() });
  // A worker connects when it has records to store.
  await eventually(
    async () => {
      for (let n = 0; n < 20; n++) channel.publish('logs_exchange', 'shop.info', Buffer.from(record));
      await channel.waitForConfirms();
      expect((await database.query(ofPostgres)).length).toBe(workers + 3);
    },
    { everyMs: 100 },
  );
});
