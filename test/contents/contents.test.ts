/** The same values logged through every integration. Differences are listed in contents.mjs and in docs/record.md. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import pino from 'pino';
import { beforeAll, describe, expect, test } from 'vitest';
import winston from 'winston';
import { LoggerClient } from '../../src/client.js';
import { patchConsole } from '../../transports/console.js';
import { loghivePino } from '../../transports/pino.js';
import { LoghiveTransport } from '../../transports/winston.js';
import { onEnd } from '../support/use-servers.js';
import { type Row, useStack } from '../support/use-stack.js';
import { type Content, contents, type IntegrationName } from './contents.mjs';

const program = path.resolve(import.meta.dirname, '../../dist/esm/cli/main.js');
const stack = await useStack(5);

type Log = (message: string, fields: Record<string, unknown>) => void;
interface Integration {
  log: Log;
  /** Resolves when everything is confirmed. */
  end(): Promise<unknown>;
  /** The logged fields in the record's information. */
  fieldsIn?(information: Row['information']): unknown;
}

const integrations: Record<IntegrationName, (settings: { service: string; url: string }) => Integration> = {
  client(settings) {
    const client = new LoggerClient({ ...settings, base: null });
    return { log: (message, fields) => client.info(message, fields), end: () => client.close() };
  },
  winston(settings) {
    const transport = new LoghiveTransport({ ...settings, base: null });
    // Winston's default format writes JSON and throws for some values.
    const logger = winston.createLogger({ format: winston.format((info) => info)(), transports: [transport] });
    return { log: (message, fields) => logger.info(message, fields), end: () => transport.close() };
  },
  pino(settings) {
    const stream = loghivePino(settings);
    const logger = pino({ base: null }, stream);
    return { log: (message, fields) => logger.info(fields, message), end: () => stream.close() };
  },
  console(settings) {
    const own = { ...globalThis.console, log() {}, info() {} } as Console;
    const patched = patchConsole({ ...settings, base: null, console: own });
    return {
      log: (message, fields) => own.info(message, fields),
      end: () => patched.close(),
      // The message is what Node prints; the fields are stored as an argument.
      fieldsIn: ({ args: [, fields] }) => fields,
    };
  },
  pipe({ service, url }) {
    const pipe = spawn(process.execPath, [program, 'pipe', '--service', service, '--url', url], {
      stdio: ['pipe', 'ignore', 'inherit'],
    });
    onEnd(() => pipe.kill('SIGKILL'));
    const logger = pino({ base: null }, pipe.stdin!);
    return {
      log: (message, fields) => logger.info(fields, message),
      end() {
        pipe.stdin!.end();
        return once(pipe, 'exit');
      },
      fieldsIn: ({ hostname, ...fields }) => (hostname === os.hostname() ? fields : { hostname, ...fields }),
    };
  },
};

describe.each(Object.keys(integrations) as IntegrationName[])('through the integration %s', (name) => {
  const rows = new Map<string, Row>();
  const service = stack.service();
  let fieldsIn: NonNullable<Integration['fieldsIn']>;

  beforeAll(async () => {
    const integration = integrations[name]({ service, url: stack.broker.url });
    fieldsIn = integration.fieldsIn ?? ((information) => information);
    for (const content of contents) integration.log(content.name, content.make());
    await integration.end();
    const stored = await stack.rows(service, contents.length);
    for (const [at, row] of stored.entries()) rows.set(contents[at]!.name, row);
  });

  test('every call is one record, at its level, in the order of the calls', () => {
    expect(rows.size).toBe(contents.length);
    for (const { level } of rows.values()) expect(level).toBe('INFO');
  });

  test.each(contents.map((content): [string, Content] => [content.name, content]))('%s is stored', (_, content) => {
    expect(fieldsIn(rows.get(content.name)!.information)).toEqual(content.differing?.[name] ?? content.expected);
  });
});

test('docs/record.md lists everything that differs', () => {
  const text = readFileSync(path.resolve(import.meta.dirname, '../../docs/record.md'), 'utf8');
  const listed = text
    .slice(text.indexOf('## Differences'))
    .replaceAll('NaN within an object', 'NaN within')
    .toLowerCase();
  const missing = contents.filter(({ name, differing = {} }) => {
    return Object.keys(differing).length > 0 && !listed.includes(name.toLowerCase());
  });
  expect(missing.map(({ name }) => name)).toEqual([]);
});
