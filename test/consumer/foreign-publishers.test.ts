/** Messages of publishers in other languages, through a real broker into the table. */
import { deflateSync, gzipSync } from 'node:zlib';
import { connect, type Options } from 'amqplib';
import { expect, test, vi } from 'vitest';
import { internalLogger } from '../../src/internal-logger.js';
import { onEnd, type TestBroker } from '../support/use-servers.js';
import { useStack } from '../support/use-stack.js';
import { eventually } from '../support/wait.mjs';

const FRAME = 'application/x-ndjson';
const MADE_AT_S = Date.UTC(2026, 0, 31, 10, 30, 45) / 1000;

async function openPublisher(broker: TestBroker) {
  const connection = await connect(broker.url);
  onEnd(() => connection.close());
  const channel = await connection.createConfirmChannel();
  return async (service: string, body: Buffer | string, properties: Options.Publish = {}) => {
    channel.publish('logs_exchange', `${service}.info`, Buffer.from(body), { mandatory: true, ...properties });
    await channel.waitForConfirms();
  };
}

const stack = await useStack(20);
const publish = await openPublisher(stack.broker);

/** As Python's `json.dumps` writes it. */
function line(service: string, fields = '"message": "m"'): string {
  return `{"service": "${service}", "level": "INFO", ${fields}, "timestamp": "2026-01-31 10:30:45.123456"}`;
}

test.each<[string, (lines: string) => Buffer | string, Options.Publish]>([
  ['a charset behind its type', (lines) => lines, { contentType: 'application/x-ndjson; charset=utf-8' }],
  ['its type in capitals', (lines) => lines, { contentType: 'Application/X-NDJSON' }],
  [
    'a byte order mark and Windows line breaks',
    (lines) => `\ufeff${lines.replaceAll('\n', '\r\n')}`,
    { contentType: FRAME },
  ],
  ['gzip', gzipSync, { contentType: FRAME, contentEncoding: 'gzip' }],
  ['zlib, as deflate', deflateSync, { contentType: FRAME, contentEncoding: 'Deflate' }],
  [
    "kombu's compression",
    deflateSync,
    { contentType: FRAME, contentEncoding: 'utf-8', headers: { compression: 'application/x-gzip' } },
  ],
  [
    'another charset',
    (lines) => Buffer.from(lines, 'utf16le'),
    { contentType: 'application/x-ndjson; charset=UTF-16LE' },
  ],
])('a frame with %s is stored', async (_, encode, properties) => {
  const service = stack.service();
  const lines = Array.from({ length: 100 }, (_, n) => line(service, `"message": "5 €", "n": ${n}`));
  await publish(service, encode(lines.join('\n')), { ...properties, timestamp: MADE_AT_S });
  const rows = await stack.rows(service, 100);
  expect(rows.map(({ information }) => information.n).sort((a, b) => a - b)).toEqual([...lines.keys()]);
  expect(new Set(rows.map(({ ts, message }) => `${ts} ${message}`))).toEqual(
    new Set(['2026-01-31 10:30:45.123456 5 €']),
  );
});

test("NaN, Infinity, NUL and lone surrogates are stored as Loghive's producers store them", async () => {
  const service = stack.service();
  await publish(
    service,
    line(service, '"message": "a\\u0000b\\ud800", "information": {"a": NaN, "b": [-Infinity, {"c\\u0000": Infinity}]}'),
    { contentType: 'application/json', contentEncoding: 'utf-8', timestamp: MADE_AT_S },
  );
  expect(await stack.rows(service, 1)).toMatchObject([
    { message: 'a␀b�', information: { a: 'NaN', b: ['-Infinity', { 'c␀': 'Infinity' }] } },
  ]);
});

test('an AMQP timestamp in milliseconds is the time of a record without one', async () => {
  const service = stack.service();
  await publish(service, `{"service":"${service}","level":"info"}`, { timestamp: MADE_AT_S * 1000 + 123 });
  expect(await stack.rows(service, 1)).toMatchObject([{ ts: '2026-01-31 10:30:45.123000' }]);
});

test('a local time is stored correctly even if published eight minutes late, which is logged once', async () => {
  const warningLog = vi.spyOn(internalLogger, 'warning').mockImplementation(() => {});
  onEnd(() => warningLog.mockRestore());
  const service = stack.service();
  const twoHoursAhead = line(service).replace('10:30:45', '12:30:45');
  for (const lateS of [1, 8 * 60, 15 * 60, 200 * 60]) {
    await publish(service, twoHoursAhead, { timestamp: MADE_AT_S + lateS });
  }
  const rows = await stack.rows(service, 4);
  expect(rows.map(({ ts }) => ts)).toEqual(Array(4).fill('2026-01-31 10:30:45.123456'));
  const lines = warningLog.mock.calls.map(([sentence]) => sentence).filter((sentence) => sentence.includes(service));
  expect(lines).toEqual([
    expect.stringMatching(
      /publishes late records.*UTC\+02:00, its last known offset, is assumed\. Set PYTHON_TIMEZONE/,
    ),
  ]);
});

test.each<[string, Buffer, Options.Publish, RegExp]>([
  [
    'a compression that Node cannot decompress',
    Buffer.from('QlpoOTE='),
    { headers: { compression: 'application/x-bz2' } },
    /bzip2, which Node cannot decompress/,
  ],
  [
    'a body that is not gzip',
    Buffer.from('{}\n{}'),
    { contentType: FRAME, contentEncoding: 'gzip' },
    /it cannot be decompressed \(gzip\)/,
  ],
  [
    'UTF-16 that does not say so',
    Buffer.from('\ufeff{}\n{}', 'utf16le'),
    { contentType: FRAME },
    /UTF-16 byte order mark/,
  ],
  ['a list of records', Buffer.from('[{}]'), { contentType: 'application/json' }, /it is JSON, but an array/],
])('%s is one dead letter with its bytes as they came', async (_, body, properties, reason) => {
  const service = stack.service();
  await publish(service, body, properties);
  const letters = await eventually(async () => {
    const found = await stack.database.query('SELECT raw, reason FROM logs.dead_letters WHERE routing_key = $1', [
      `${service}.info`,
    ]);
    return found.length > 0 ? found : null;
  });
  expect(letters).toEqual([{ raw: body, reason: expect.stringMatching(reason) }]);
});
