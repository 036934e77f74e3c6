/** Internals of Pino and its packages that Loghive uses: an update that changes any of them fails here. */
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { Transform } from 'node:stream';
import { Worker } from 'node:worker_threads';
import pino from 'pino';
import build from 'pino-abstract-transport';
import { describe, expect, test } from 'vitest';
import {
  afterLastLine,
  OWN_OPTIONS,
  onPinoConfig,
  type PinoConfig,
  replaceTransform,
} from '../../transports/pino-internals.js';
import { onEnd } from '../support/use-servers.js';
import { useStack } from '../support/use-stack.js';

const stack = await useStack(2);
const target = path.resolve(import.meta.dirname, '../../dist/esm/transports/pino.js');

describe('a logger', () => {
  test('sends its levels and keys to its stream', () => {
    const stream = build(() => {}, { metadata: false });
    const received: PinoConfig[] = [];
    onPinoConfig(stream, (config) => received.push(config));
    pino({ messageKey: 'text', errorKey: 'fault', customLevels: { audit: 35 } }, stream);
    pino({ level: 'low', customLevels: { low: 1 }, useOnlyCustomLevels: true }, stream);
    expect(received).toMatchObject([
      { messageKey: 'text', errorKey: 'fault' },
      { messageKey: 'msg', errorKey: 'err' },
    ]);
    expect(received.map(({ levels }) => ({ ...levels?.values }))).toEqual([
      { trace: 10, debug: 20, info: 30, warn: 40, error: 50, fatal: 60, audit: 35 },
      { low: 1 },
    ]);
  });

  test('passes the options and two of its own to its target in the worker, and sends its configuration', async () => {
    const folder = mkdtempSync(path.join(import.meta.dirname, '.pino-'));
    onEnd(() => rmSync(folder, { recursive: true, force: true }));
    const file = path.join(folder, 'target.mjs');
    writeFileSync(
      file,
      `import { Writable } from 'node:stream';
import { parentPort } from 'node:worker_threads';
export default (options) => {
  parentPort.on('message', ({ code, config }) => {
    if (code === 'PINO_CONFIG') parentPort.postMessage({ code: 'EVENT', name: 'seen', args: [options, config] });
  });
  return new Writable({ write: (_chunk, _encoding, done) => done() });
};
`,
    );
    const transport = pino.transport({ target: file, options: { service: 'shop' } });
    const seen = once(transport, 'seen');
    pino({ messageKey: 'text' }, transport);
    const [options, config] = await seen;
    transport.end();
    expect(Object.keys(options).filter((name) => !OWN_OPTIONS.has(name))).toEqual(['service']);
    expect(options).toMatchObject({ pinoWillSendConfig: true });
    expect(config).toMatchObject({ messageKey: 'text', levels: { values: { info: 30 } } });
  });
});

test('the stream of pino-abstract-transport is a Transform whose methods can be replaced', async () => {
  const order: string[] = [];
  const stream = build(() => {}, {
    metadata: false,
    parseLine: (line) => {
      order.push(line);
      return null;
    },
  });
  expect(stream).toBeInstanceOf(Transform);
  replaceTransform(stream, (inner) => (chunk, encoding, done) => {
    order.push('before');
    inner(chunk, encoding, done);
  });
  afterLastLine(stream, async () => order.push('after'));
  stream.resume().end('a\nb');
  await once(stream, 'finish');
  expect(order).toEqual(['before', 'a', 'b', 'after']);
});

/**
 * Like Pino's worker, but always in the order that is a race there: it sleeps from before the messages are sent until
 * after the lines are written, so that its event loop delivers no message before all lines are read.
 */
test.each([
  ['as its first message', []],
  [
    'after other messages',
    [
      { code: 'OTHER', number: 1 },
      { code: 'OTHER', number: 2 },
    ],
  ],
])('the configuration that a logger sends %s is applied, even if lines are read before it', async (_what, others) => {
  const service = stack.service();
  const state = new Int32Array(new SharedArrayBuffer(4));
  const worker = new Worker(
    `const { parentPort, workerData } = require('node:worker_threads');
const others = [];
import(workerData.target).then(({ default: loghivePino }) => {
  const stream = loghivePino(workerData.options);
  parentPort.on('message', ({ code, number }) => { if (code === 'OTHER') others.push(number); });
  stream.on('close', () => parentPort.postMessage(others));
  const { state } = workerData;
  parentPort.postMessage('asleep soon');
  Atomics.wait(state, 0, 0);
  stream.write('{"level":35,"order":7,"text":"order placed"}\\n');
  stream.end();
});`,
    {
      eval: true,
      workerData: {
        target,
        state,
        options: { service, url: stack.broker.url },
        workerData: { pinoWillSendConfig: true },
      },
    },
  );
  onEnd(() => worker.terminate());
  await once(worker, 'message');
  const closed = once(worker, 'message');
  for (const other of others) worker.postMessage(other);
  worker.postMessage({
    code: 'PINO_CONFIG',
    config: { messageKey: 'text', levels: { values: { trace: 10, info: 30, audit: 35, warn: 40 } } },
  });
  Atomics.store(state, 0, 1);
  Atomics.notify(state, 0);
  const [received] = await closed;
  expect(await stack.rows(service, 1)).toMatchObject([
    { message: 'order placed', level: 'WARNING', information: { level: 'audit', order: 7 } },
  ]);
  expect(received).toEqual(others.map(({ number }) => number));
});
