/** Values that break loggers, through a real Winston logger into the table. */
import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import winston from 'winston';
import Transport from 'winston-transport';
import { LoghiveTransport } from '../../transports/winston.js';
import { hostileValues } from '../support/hostile-values.mjs';
import { onEnd } from '../support/use-servers.js';
import { useStack } from '../support/use-stack.js';

const MIB = 1024 * 1024;
const BUFFER_BYTES = 128 * MIB;
const stack = await useStack(20);

/** Winston's default format writes JSON, which some values break; this one lets everything through. */
const asItIs = winston.format((info) => info)();

/** Counts what reaches a transport without Loghive. */
class Counting extends Transport {
  taken = 0;
  override log(_info: unknown, next: () => void): void {
    this.taken++;
    next();
  }
}

const unexpected: unknown[] = [];
const note = (error: unknown) => unexpected.push(error);
beforeAll(() => {
  process.on('uncaughtExceptionMonitor', note);
});
afterAll(() => {
  process.removeListener('uncaughtExceptionMonitor', note);
  expect(unexpected).toEqual([]);
});

function loggers(format?: winston.Logform.Format) {
  const service = stack.service();
  const transport = new LoghiveTransport({ service, url: stack.broker.url, bufferBytes: BUFFER_BYTES });
  onEnd(() => transport.close());
  const errors: unknown[] = [];
  const options = format ? { format } : {};
  const logger = winston.createLogger({ ...options, transports: [transport] });
  for (const emitter of [logger, transport]) emitter.on('error', (error) => errors.push(error));
  const counting = new Counting();
  const without = winston.createLogger({ ...options, transports: [counting] });
  return { service, transport, logger, errors, without, counting };
}

/** All values together do not fit into the buffer, and a flush after each of them would be slow. */
async function roomIn(transport: LoghiveTransport): Promise<void> {
  if (transport.stats().pendingBytes > BUFFER_BYTES / 4) await transport.flush();
}

async function end(logger: winston.Logger): Promise<void> {
  const finished = once(logger, 'finish');
  logger.end();
  await finished;
}

/** Describes what a call throws; undefined if it does not. */
function thrownBy(call: () => void): string | undefined {
  try {
    call();
    return undefined;
  } catch (error) {
    try {
      return `threw ${String((error as { message?: unknown }).message ?? error)}`;
    } catch {
      return 'threw something unreadable';
    }
  }
}

describe.each<[string, (value: unknown) => object, (information: Record<string, unknown>) => unknown]>([
  ['nested in metadata', (value) => ({ meta: { field: value } }), ({ meta }) => (meta as { field?: unknown }).field],
  ['as a field of metadata', (value) => ({ field: value }), ({ field }) => field],
])('hostile values %s', (_where, metadata, fieldOf) => {
  const { service, transport, logger, errors } = loggers(asItIs);

  beforeAll(async () => {
    for (const { name, make } of hostileValues) {
      logger.info(name, metadata(make()));
      await roomIn(transport);
    }
    await end(logger);
    await stack.rows(service, hostileValues.length);
  }, 120_000);

  it('are each stored once, without an error in the application', async () => {
    const rows = await stack.rows(service, hostileValues.length);
    expect(rows.map(({ message }) => message)).toEqual(hostileValues.map(({ name }) => name));
    expect(errors).toEqual([]);
    expect(transport.stats().dropped).toEqual({});
  });

  it.each(hostileValues.map((value) => [value.name, value] as const))('include %s', async (name, value) => {
    const [row] = await stack.database.query(
      'SELECT information FROM logs.records WHERE service = $1 AND message = $2',
      [service, name],
    );
    expect(row).toBeDefined();
    value.expect(fieldOf(row.information));
  });
});

/** Ways to log a value that are not meant for metadata. */
const ways: Array<[string, (logger: winston.Logger, value: unknown) => void]> = [
  ['as the metadata itself', (logger, value) => logger.info('metadata', value)],
  ['as the message', (logger, value) => logger.info(value as object)],
  ['as the message of a record', (logger, value) => logger.log({ level: 'info', message: value as string })],
  ['as a further argument', (logger, value) => logger.info('argument', { first: 1 }, value)],
  ['as the error of a message', (logger, value) => logger.error('failed', value)],
  ['as what is logged at error', (logger, value) => logger.error(value as Error)],
  ['as default metadata of a child', (logger, value) => logger.child({ value }).info('child')],
];

describe.each(ways)('hostile values %s', (_way, log) => {
  it('throw what they throw without Loghive and nothing else, and the next record is stored', {
    timeout: 60_000,
  }, async () => {
    const { service, transport, logger, errors, without, counting } = loggers(asItIs);
    const differing: string[] = [];
    let expected = 0;
    for (const { name, make } of hostileValues) {
      const taken = counting.taken;
      const alone = thrownBy(() => log(without, make()));
      const withLoghive = thrownBy(() => log(logger, make()));
      if (withLoghive !== alone) differing.push(`${name}: ${withLoghive} instead of ${alone}`);
      logger.info(`next to ${name}`);
      expected += counting.taken - taken + 1;
      await roomIn(transport);
    }
    await end(logger);
    expect(differing).toEqual([]);
    expect(errors).toEqual([]);
    const rows = await stack.rows(service, expected);
    expect(rows).toHaveLength(expected);
    const messages = new Set(rows.map(({ message }) => message));
    expect(hostileValues.filter(({ name }) => !messages.has(`next to ${name}`))).toEqual([]);
  });
});

describe("Winston's own format", () => {
  const throwing = () => {
    throw new Error('not today');
  };

  it.each<[string, () => object]>([
    ['a getter that throws', () => Object.defineProperty({}, 'bad', { get: throwing, enumerable: true })],
    ['a toJSON that throws', () => ({ value: { toJSON: throwing } })],
    ['a proxy whose traps throw', () => ({ value: new Proxy({}, { ownKeys: throwing, get: throwing }) })],
  ])('throws at %s as it does without Loghive, and the next record is stored', async (_what, make) => {
    const { service, logger, errors, without, counting } = loggers();
    const alone = thrownBy(() => without.info('hostile', make()));
    expect(alone).toBe('threw not today');
    expect(counting.taken).toBe(0);
    expect(thrownBy(() => logger.info('hostile', make()))).toBe(alone);
    logger.info('the next one');
    await end(logger);
    expect((await stack.rows(service, 1)).map(({ message }) => message)).toEqual(['the next one']);
    expect(errors).toEqual([]);
  });

  it('does not change how values that it accepts are stored', async () => {
    const { service, logger } = loggers();
    const cycle: { self?: unknown; n: bigint } = { n: 7n };
    cycle.self = cycle;
    logger.info('hostile', { cycle, at: new Date(Number.NaN), map: new Map([['a', 1]]), [Symbol('s')]: 's' });
    await end(logger);
    expect(await stack.rows(service, 1)).toMatchObject([
      {
        information: {
          cycle: { n: '7n', self: '[Circular]' },
          at: '[Invalid Date]',
          map: { '[Map]': [['a', 1]] },
          '[Symbol(s)]': 's',
        },
      },
    ]);
  });
});

describe('a text of 10 MB', () => {
  it('is cut as a message and in metadata, with a mark that says by how much', { timeout: 60_000 }, async () => {
    const { service, transport, logger } = loggers();
    const text = 'x'.repeat(10 * MIB);
    logger.info(text);
    logger.info('in metadata', { text });
    await transport.flush();
    const [first, second] = await stack.rows(service, 2);
    for (const stored of [first?.message, second?.information.text]) {
      const [, kept, cut] = /^(x+)…\[cut (\d+) characters\]$/.exec(stored) ?? [];
      expect((kept?.length ?? 0) + Number(cut)).toBe(text.length);
      expect(kept?.length).toBeGreaterThan(MIB / 2);
      expect(kept?.length).toBeLessThanOrEqual(MIB);
    }
  });
});
