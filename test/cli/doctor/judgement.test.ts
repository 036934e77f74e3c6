/** The judgements of `loghive doctor` that need no server. */
import { describe, expect, test } from 'vitest';
import { judgeClock, skewOf } from '../../../cli/doctor/clock.js';
import { judgeQueues } from '../../../cli/doctor/judge-queues.js';
import type { QueueFacts } from '../../../cli/doctor/look-at-queues.js';
import { judgeConnect, judgeHandshake } from '../../../cli/doctor/network.js';
import { differencesOf, differenceText, policyFor } from '../../../cli/doctor/queue-differences.js';
import { grantAll, setPolicy } from '../../../cli/doctor/rabbitmqctl.js';
import { judgeSpace } from '../../../cli/doctor/spool.js';
import { runSection, type Step } from '../../../cli/doctor/steps.js';
import { type Finding, failed, failedBecause, ok } from '../../../cli/doctor/verdict.js';
import { judgePublished } from '../../../cli/doctor/whole-way.js';
import { logQueue } from '../../../src/wire.js';
import { documentOf } from '../../deploy/files.js';

describe('steps', () => {
  async function run(steps: readonly Step[]): Promise<string[]> {
    const findings: Finding[] = [];
    await runSection({ section: 's', steps, onFinding: (finding) => void findings.push(finding) });
    return findings.map(({ step, state, detail }) => `${step} ${state}: ${detail}`);
  }
  const passing = (name: string, needs: readonly string[] = []): Step => ({ name, needs, run: async () => ok('fine') });

  test('a step whose condition failed is skipped, with the first cause', async () => {
    const broken: Step = { name: 'TCP', run: async () => failed('closed', 'open it') };
    expect(await run([passing('name'), broken, passing('login', ['TCP']), passing('vhost', ['login'])])).toEqual([
      'name ok: fine',
      'TCP failed: closed',
      'login skipped: "TCP" failed',
      'vhost skipped: "TCP" failed',
    ]);
  });

  test('an error is a fault', async () => {
    const throwing: Step = { name: 'login', run: () => Promise.reject(new Error('no way')) };
    expect(await run([throwing, passing('next')])).toEqual(['login failed: no way', 'next ok: fine']);
  });

  test('a step that does not end is given up, and its server named', async () => {
    let isAborted = false;
    const hanging: Step = {
      name: 'login',
      server: 'db:5432',
      limitMs: 20,
      run: (signal) => {
        signal.addEventListener('abort', () => {
          isAborted = true;
        });
        return new Promise(() => {});
      },
    };
    expect(await run([hanging])).toEqual(['login failed: db:5432 did not answer within 0.02 s']);
    expect(isAborted).toBe(true);
  });
});

test.each<[string, string, string]>([
  ['nothing listens there (connect E). Start the broker.', 'nothing listens there (connect E)', 'Start the broker.'],
  [
    'refused. Correct both (ACCESS - no. For details see X).',
    'refused',
    'Correct both (ACCESS - no. For details see X).',
  ],
  ['one. Two. Do three', 'one. Two', 'Do three.'],
  ['version 3.10 is old', 'version 3.10 is old', 'otherwise'],
])('the message %j is split into what is wrong and what to do', (message, detail, remedy) => {
  expect(failedBecause(message, 'otherwise')).toEqual({ state: 'failed', detail, remedy });
});

describe('clocks', () => {
  const reading = { beforeMs: 1_000_000, afterMs: 1_000_100, resolutionMs: 1000 };

  test('what the question took and the resolution is no difference', () => {
    expect(skewOf({ ...reading, serverMs: 999_000 })).toBe(0);
    expect(skewOf({ ...reading, serverMs: 1_000_100 })).toBe(0);
    expect(skewOf({ ...reading, serverMs: 1_007_100 })).toBe(7000);
    expect(skewOf({ ...reading, serverMs: 990_000 })).toBe(-9000);
  });

  test.each<[number, string]>([
    [1_005_000, 'ok'],
    [1_006_000, 'failed'],
    [994_100, 'ok'],
    [993_000, 'failed'],
  ])('a server at %i is %s', (serverMs, state) => {
    expect(judgeClock('db', { ...reading, serverMs }).state).toBe(state);
  });
});

test.each<[string, RegExp]>([
  ['ECONNREFUSED', /^nothing listens at db:5432/],
  ['ETIMEDOUT', /^db:5432 does not answer/],
  ['EHOSTUNREACH', /^there is no route to db:5432/],
  ['ENOENT', /^the Unix socket of db:5432 cannot be used/],
  ['EWEIRD', /^db:5432 cannot be reached \(EWEIRD\)/],
])('a connection that fails with %s has a remedy', (code, words) => {
  expect(judgeConnect('db:5432', { error: Object.assign(new Error('e'), { code }) })).toMatchObject({
    state: 'failed',
    detail: expect.stringMatching(words),
    remedy: expect.stringMatching(/\.$/),
  });
});

test('a certificate that ends soon is a fault', () => {
  const now = Date.parse('2026-01-01');
  expect(judgeHandshake({ protocol: 'TLSv1.3', validTo: 'Jan 20 00:00:00 2026 GMT' }, now).state).toBe('ok');
  expect(judgeHandshake({ protocol: 'TLSv1.3', validTo: 'Jan 10 00:00:00 2026 GMT' }, now)).toMatchObject({
    state: 'failed',
    remedy: 'Renew it on the server.',
  });
});

test('a disk with less space than a service may use is a fault', () => {
  expect(judgeSpace(2 ** 30, 2 ** 28).state).toBe('ok');
  expect(judgeSpace(2 ** 20, 2 ** 28)).toMatchObject({
    state: 'failed',
    detail: expect.stringMatching(/^1\.0 MiB, less/),
  });
});

describe('arguments of queues', () => {
  test('only what a policy can change gets a policy', () => {
    const policyOf = (current: Record<string, unknown>, wanted: Record<string, unknown>) =>
      policyFor(differencesOf(current, wanted));
    expect(policyOf({}, { 'x-max-length': 10 })).toEqual({ 'max-length': 10 });
    expect(policyOf({ 'x-max-length': 20 }, { 'x-max-length': 10 })).toEqual({ 'max-length': 10 });
    expect(policyOf({ 'x-max-length': 5 }, { 'x-max-length': 10 })).toBeUndefined();
    expect(policyOf({ 'x-max-length': 5 }, {})).toBeUndefined();
    expect(policyOf({ 'x-overflow': 'drop-head' }, { 'x-overflow': 'reject-publish' })).toBeUndefined();
    expect(policyOf({}, { 'x-queue-type': 'quorum' })).toBeUndefined();
    expect(policyOf({}, { 'x-delivery-limit': -1 })).toBeUndefined();
  });

  test('each difference can be read', () => {
    expect(differencesOf({ 'x-b': 1, 'x-a': 'y' }, { 'x-b': 2, 'x-c': true }).map(differenceText)).toEqual([
      'x-a is y, wanted unset',
      'x-b is 1, wanted 2',
      'x-c is not set, wanted true',
    ]);
  });

  test('a command quotes what a shell would read otherwise', () => {
    expect(setPolicy("it's", 'p', '^q$', { 'max-length': 1 })).toBe(
      `rabbitmqctl set_policy -p 'it'\\''s' --apply-to queues 'p' '^q$' '{"max-length":1}'`,
    );
  });
});

test('the permissions that are suggested are those of docs/production.md', () => {
  const page = documentOf('docs/production.md').replaceAll(
    /rabbitmqctl set_permissions (\w+) /g,
    "rabbitmqctl set_permissions '$1' ",
  );
  expect(page).toContain(grantAll({ username: 'consumer', vhost: '/' }, 'consumer', undefined));
  expect(page).toContain(grantAll({ username: 'shop', vhost: '/' }, 'producer', 'shop'));
});

describe('queues', () => {
  const settings = { type: 'quorum', maxLength: 100, maxBytes: 2 ** 30, messageTtlMs: 604_800_000 } as const;
  const about = {
    login: { username: 'u', vhost: '/' },
    role: 'consumer',
    settings,
    serverVersion: '4.3.0',
    service: 'shop',
  } as const;
  const { arguments: wanted, queue } = logQueue('shop', 'INFO', settings, '4.3.0');
  const facts: QueueFacts = {
    ...{ queue, wanted, current: wanted, presence: 'there', messages: 0, consumers: 1 },
    may: { configure: true, write: true, read: true },
  };

  test.each<[string, Partial<QueueFacts>, RegExp]>([
    ['nearly full', { messages: 80 }, /nearly full \(80 messages\)/],
    ['that does not answer', { presence: 'silent' }, /no answer/],
    [
      'with the default delivery limit of RabbitMQ 4',
      { current: without('x-delivery-limit') },
      /delivery limit of 20 and no/,
    ],
  ])('one %s is a fault', (_, changes, words) => {
    const faults = judgeQueues([{ ...facts, ...changes }], about).filter(({ state }) => state === 'failed');
    expect(faults.map(({ detail }) => detail)).toContainEqual(expect.stringMatching(words));
  });

  test('those that are as wanted are one line', () => {
    expect(judgeQueues([facts, { ...facts, queue: 'shop_error_logs', messages: 2 }], about)).toEqual([
      ok('2 queues: 2 messages, 1 consumer each'),
    ]);
  });

  function without(name: string): Record<string, unknown> {
    const { [name]: _, ...rest } = logQueue('shop', 'INFO', settings, '4.3.0').arguments;
    return rest;
  }
});

test.each<[Parameters<typeof judgePublished>[0], string | undefined]>([
  [{ answer: { kind: 'confirmed' }, blocked: undefined }, undefined],
  [{ answer: { kind: 'confirmed' }, blocked: 'low on disk' }, 'skipped'],
  [{ answer: { kind: 'returned' }, blocked: undefined }, 'failed'],
  [{ answer: { kind: 'nacked' }, blocked: undefined }, 'failed'],
  [{ answer: { kind: 'refused', code: 403, text: 'no' }, blocked: undefined }, 'failed'],
  [{ answer: { kind: 'none' }, blocked: undefined }, 'failed'],
])('a record with %j', (published, state) => {
  expect(judgePublished(published, 'q', 'k')?.state).toBe(state);
});
