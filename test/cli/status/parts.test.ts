/** Rates, forecasts and texts of `loghive status`. */
import { expect, test } from 'vitest';
import { consumerUrl, doneByQueue } from '../../../cli/status/consumers.js';
import { queueRows } from '../../../cli/status/rates.js';
import { spoolSummaries } from '../../../cli/status/snapshot.js';
import { durationText, statusLines } from '../../../cli/status/view.js';

/** Records stored and messages acknowledged of queue `a_info_logs`, by the URL of the consumer: ten records a message. */
const done = (counts: Record<string, number>) =>
  new Map(
    Object.entries(counts).map(([url, count]) => [
      url,
      { stored: new Map([['a_info_logs', count]]), acknowledged: new Map([['a_info_logs', count / 10]]) },
    ]),
  );
const depth = (queue: string, messages: number, atMs: number) => ({ queue, messages, consumers: 1, atMs });

test('rates come from two readings, and a forecast from the growth', () => {
  const [a, b, delay] = ['a_info_logs', 'b_info_logs', 'failure_backoff_1000'] as const;
  const before = { depths: [depth(a, 100, 0), depth(b, 50, 0)], done: done({ one: 10 }), atMs: 0 };
  const current = {
    depths: [depth(a, 200, 2000), depth(b, 0, 2000), depth(delay, 5, 2000)],
    done: done({ one: 110 }),
    atMs: 2000,
  };
  const rows = queueRows(current, before, (queue) => (queue === delay ? undefined : 1000));
  const rates = { growthPerSecond: null, inPerSecond: null, outPerSecond: null, storedPerSecond: null };
  expect(rows).toEqual([
    {
      ...{ queue: a, messages: 200, consumers: 1, limit: 1000, fullInS: 16 },
      ...{ growthPerSecond: 50, inPerSecond: 55, outPerSecond: 5, storedPerSecond: 50 },
    },
    {
      ...{ queue: b, messages: 0, consumers: 1, limit: 1000, fullInS: null },
      // Somebody else takes the messages.
      ...{ growthPerSecond: -25, inPerSecond: 0, outPerSecond: 0, storedPerSecond: 0 },
    },
    { queue: delay, messages: 5, consumers: 1, limit: null, fullInS: null, ...rates },
  ]);
});

test('without an earlier reading, or without a consumer that answers, there is no rate', () => {
  const queue = 'a_info_logs';
  const reading = { depths: [depth(queue, 1000, 0)], done: done({}), atMs: 0 };
  const [first] = queueRows(reading, undefined, () => 1000);
  const unknown = { inPerSecond: null, outPerSecond: null, storedPerSecond: null };
  expect(first).toMatchObject({ growthPerSecond: null, fullInS: 0, ...unknown });
  const [second] = queueRows({ ...reading, depths: [depth(queue, 900, 1000)], atMs: 1000 }, reading, () => 1000);
  expect(second).toMatchObject({ growthPerSecond: -100, fullInS: null, ...unknown });
});

test.each<[string, Record<string, number>, Record<string, number>, number]>([
  ['was restarted, counts from 0, which hides no other one', { one: 900, two: 100 }, { one: 5, two: 150 }, 50],
  ['did not answer the last time, has no rate yet', { two: 100 }, { one: 900, two: 150 }, 50],
  ['is the only one, and was restarted, has no negative rate', { one: 900 }, { one: 5 }, 0],
])('a consumer that %s', (_, before, now, rate) => {
  const at = (atMs: number, counts: Record<string, number>) => ({
    ...{ depths: [depth('a_info_logs', 0, atMs)], done: done(counts), atMs },
  });
  expect(queueRows(at(1000, now), at(0, before), () => undefined)[0]).toMatchObject({
    storedPerSecond: rate,
    outPerSecond: rate / 10,
  });
});

test('stored records and acknowledged messages by queue are read from the metrics', () => {
  const metrics = `# HELP loghive_records_stored_total Records
loghive_records_stored_total{service="shop",level="INFO"} 12
loghive_records_stored_total{service="shop",level="ERROR"} 1e3
loghive_records_duplicate_total{service="shop",level="INFO"} 7
loghive_messages_acknowledged_total{service="shop",level="INFO"} 3
`;
  expect(doneByQueue(metrics)).toEqual({
    stored: new Map([
      ['shop_info_logs', 12],
      ['shop_error_logs', 1000],
    ]),
    acknowledged: new Map([['shop_info_logs', 3]]),
  });
});

test.each(['host:7464', 'ftp://host', 'http://u:secret@host'])('%s is no URL of a consumer', (text) => {
  expect(() => consumerUrl(text)).toThrow(/option --consumer is .*, expected a URL such as http:\/\/127\.0\.0\.1:7464/);
  expect(consumerUrl('http://host:7464/status')).toBe('http://host:7464');
});

test.each([
  [0, '0 s'],
  [89, '1 min'],
  [7200, '2 h'],
  [800_000, '9 d'],
])('%i seconds are %s', (seconds, text) => expect(durationText(seconds)).toBe(text));

test('files of the spool are summed by service', () => {
  const file = { level: 'INFO', path: '', folder: '', bytes: 10, damaged: 0 } as const;
  const files = [
    { ...file, service: 'shop', records: 3, oldestS: 20, isInUse: false },
    { ...file, service: 'shop', records: 2, oldestS: 10, isInUse: true },
    { ...file, service: 'till', records: 0, oldestS: undefined, isInUse: true },
  ];
  expect(spoolSummaries(files)).toEqual([
    { service: 'shop', waiting: 3, inUse: 2, bytes: 20, oldest: '1970-01-01T00:00:10.000Z' },
  ]);
});

test('what is unknown says why, and many idle queues are one line', () => {
  const row = { consumers: 1, limit: 100, growthPerSecond: 0, fullInS: null };
  const unknown = { inPerSecond: null, outPerSecond: null, storedPerSecond: null };
  const rows = Array.from({ length: 40 }, (_, at) => ({
    ...row,
    ...unknown,
    queue: `s${at}_info_logs`,
    messages: at === 7 ? 90 : 0,
  }));
  const lines = statusLines({
    at: '2026-01-31T10:00:00.000Z',
    queues: { rows },
    consumers: [{ url: 'http://h:1', fault: 'refused\x1b[2J' }],
    database: { fault: 'gone' },
    spool: undefined,
  });
  expect(lines).toEqual([
    'Queues',
    '  QUEUE         MESSAGES  CHANGE/S  IN/S  OUT/S  CONSUMERS  FULL  FULL IN',
    '  s7_info_logs        90         0                       1  90 %',
    '  39 other queues without messages',
    '',
    'Consumers',
    expect.stringMatching(/^ {2}http:\/\/h:1 {2}no answer \(refused/),
    '',
    'Database',
    '  unknown: gone',
    '',
    'Spool on this machine',
    '  turned off',
    '',
    'at 2026-01-31 10:00:00 UTC',
  ]);
});
