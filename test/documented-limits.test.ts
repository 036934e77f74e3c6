/** The limits that the README states: what is lost, and what may be stored twice. */
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { connect } from 'amqplib';
import { expect, test } from 'vitest';
import { LoggerClient } from '../src/index.js';
import { onEnd, useChild } from './support/use-servers.js';
import { useStack } from './support/use-stack.js';

const stack = await useStack(2);

test('kill -9 loses only records that the broker has not confirmed', async () => {
  const service = stack.service();
  const file = path.resolve(import.meta.dirname, `../dist/killed-${process.pid}.mjs`);
  writeFileSync(
    file,
    `import { LoggerClient } from './esm/src/index.js';
    const logger = new LoggerClient({ service: '${service}', url: '${stack.broker.url}' });
    logger.info('confirmed');
    await logger.flush();
    logger.info('in memory');
    process.kill(process.pid, 'SIGKILL');`,
  );
  onEnd(async () => (await import('node:fs')).rmSync(file, { force: true }));
  expect(await useChild(file).exited).toEqual({ code: null, signal: 'SIGKILL' });
  const logger = new LoggerClient({ service, url: stack.broker.url });
  logger.info('later');
  await logger.close();
  expect((await stack.rows(service, 2)).map(({ message }) => message)).toEqual(['confirmed', 'later']);
});

test('a record without an id is stored each time it is published', async () => {
  const service = stack.service();
  const connection = await connect(stack.broker.url);
  onEnd(() => connection.close());
  const channel = await connection.createConfirmChannel();
  const record = { service, level: 'INFO', message: 'twice', timestamp: '2026-01-31T10:30:45.123456Z' };
  for (let time = 0; time < 2; time++)
    channel.publish('logs_exchange', `${service}.info`, Buffer.from(JSON.stringify(record)));
  await channel.waitForConfirms();
  expect((await stack.rows(service, 2)).map(({ message }) => message)).toEqual(['twice', 'twice']);
});
