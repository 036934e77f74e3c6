import { once } from 'node:events';
import { connect } from 'amqplib';
import { afterEach, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import type { LoghiveError } from '../../src/errors.js';
import { internalLogger } from '../../src/internal-logger.js';
import { type PublisherConfig, producerConfig } from '../../src/producer-config.js';
import { FRAME_BYTES } from '../../src/publisher/lane.js';
import { Publisher } from '../../src/publisher/publisher.js';
import { useDevelopmentBroker } from '../cli/embedded/broker/use-development-broker.js';
import { type TestBroker, uniqueName, useBroker, useProxy } from '../support/use-servers.js';
import { segmentsIn, sendLeftBehind, useSpoolFolder, withFastDisk } from '../support/use-spool.js';
import { eventually } from '../support/wait.mjs';

const MIB = 1024 * 1024;
const opened: Publisher[] = [];
let broker: TestBroker;

beforeAll(async () => {
  broker = await useBroker();
});

afterEach(async () => {
  await Promise.all(opened.splice(0).map((publisher) => publisher.close(0)));
});

function open(options: Record<string, unknown> = {}, over: Partial<PublisherConfig> = {}): Publisher {
  const config = producerConfig('test', { service: 'unused', url: broker.url, ...options });
  const publisher = new Publisher({ ...config, ...over });
  opened.push(publisher);
  return publisher;
}

function line(number: number, size = 100): string {
  return JSON.stringify({ number, filler: 'x'.repeat(size) });
}

/** Takes all messages out of a queue. Returns the numbers of their records in order. */
async function drain(queue: string, url = broker.url): Promise<number[]> {
  const connection = await connect(url);
  const channel = await connection.createChannel();
  const numbers: number[] = [];
  for (let message = await channel.get(queue); message; message = await channel.get(queue)) {
    for (const text of message.content.toString().split('\n')) numbers.push(JSON.parse(text).number);
    channel.ack(message);
  }
  await connection.close();
  return numbers;
}

const range = (count: number) => Array.from({ length: count }, (_, index) => index);

describe('a publisher', () => {
  it('accepts records before it is connected, and gets them confirmed in the order of the calls', async () => {
    const service = uniqueName('svc');
    const publisher = open();
    for (const number of range(3000)) publisher.accept(service, 'INFO', line(number));
    expect(publisher.stats()).toMatchObject({ accepted: 3000, confirmed: 0, pending: 3000 });
    await publisher.flush();
    expect(publisher.stats()).toMatchObject({
      accepted: 3000,
      confirmed: 3000,
      pending: 0,
      pendingBytes: 0,
      dropped: {},
    });
    expect(await drain(`${service}_info_logs`)).toEqual(range(3000));
  });

  it('sends a single record as JSON and several as a frame, both persistent and with a timestamp', async () => {
    const service = uniqueName('svc');
    const publisher = open();
    publisher.accept(service, 'ERROR', line(1));
    await publisher.flush();
    publisher.accept(service, 'ERROR', line(2));
    publisher.accept(service, 'ERROR', line(3));
    await publisher.flush();
    const connection = await connect(broker.url);
    const channel = await connection.createChannel();
    const first = await channel.get(`${service}_error_logs`);
    const second = await channel.get(`${service}_error_logs`);
    await connection.close();
    if (!first || !second) throw new Error('nothing in the queue');
    expect(first.properties).toMatchObject({ contentType: 'application/json', deliveryMode: 2 });
    expect(second.properties).toMatchObject({ contentType: 'application/x-ndjson', deliveryMode: 2 });
    expect(Math.abs(first.properties.timestamp - Date.now() / 1000)).toBeLessThan(60);
    expect(second.content.toString()).toBe(`${line(2)}\n${line(3)}`);
  });

  it('sends everything again that was not confirmed when the connection was reset', async () => {
    const service = uniqueName('svc');
    const proxy = await useProxy(broker.url);
    const publisher = open({ url: proxy.url(broker.url) });
    publisher.accept(service, 'INFO', line(0));
    await publisher.flush();
    proxy.throttle(64 * 1024);
    for (const number of range(8000)) publisher.accept(service, 'INFO', line(number + 1, 400));
    await eventually(() => publisher.stats().confirmed > 100);
    await proxy.reset();
    await proxy.heal();
    await publisher.flush();
    expect(publisher.stats()).toMatchObject({ accepted: 8001, confirmed: 8001, dropped: {} });
    expect(publisher.stats().retries).toBeGreaterThan(0);
    const numbers = await drain(`${service}_info_logs`);
    expect([...new Set(numbers)].sort((a, b) => a - b)).toEqual(range(8001));
  });

  it('waits for a full queue without holding up another level, and continues when there is room', async () => {
    const service = uniqueName('svc');
    const publisher = open({ queueMaxSize: 2 });
    const info = () => publisher.status().lanes.find(({ level }) => level === 'INFO');
    let sent = 0;
    // A quorum queue accepts a little more than its limit before it refuses.
    await eventually(() => {
      publisher.accept(service, 'INFO', line(sent++, 70_000));
      return (info()?.nacks ?? 0) > 0;
    });
    publisher.accept(service, 'ERROR', line(0));
    await eventually(() => publisher.status().lanes.find(({ level }) => level === 'ERROR')?.waiting === 0);
    expect(info()?.waiting).toBeGreaterThan(0);
    await eventually(() => info()?.blocked === true);
    const drained: number[] = [];
    await eventually(async () => {
      drained.push(...(await drain(`${service}_info_logs`)));
      expect(publisher.stats().pending).toBe(0);
    });
    drained.push(...(await drain(`${service}_info_logs`)));
    expect([...new Set(drained)].sort((a, b) => a - b)).toEqual(range(sent));
    expect(publisher.stats().dropped).toEqual({});
  });

  it('declares a deleted queue again, and loses no returned record', async () => {
    const service = uniqueName('svc');
    const publisher = open();
    publisher.accept(service, 'INFO', line(0));
    await publisher.flush();
    expect(await drain(`${service}_info_logs`)).toEqual([0]);
    await broker.admin.deleteQueue(`${service}_info_logs`, broker.vhost);
    for (const number of range(100)) publisher.accept(service, 'INFO', line(number));
    await publisher.flush();
    expect(publisher.status().lanes[0]?.returns).toBeGreaterThan(0);
    expect(await drain(`${service}_info_logs`)).toEqual(range(100));
  });

  it('declares a deleted exchange again', async () => {
    const service = uniqueName('svc');
    const publisher = open();
    publisher.accept(service, 'INFO', line(0));
    await publisher.flush();
    const connection = await connect(broker.url);
    const channel = await connection.createChannel();
    await channel.deleteExchange('logs_exchange');
    await connection.close();
    publisher.accept(service, 'INFO', line(1));
    await publisher.flush();
    expect(await drain(`${service}_info_logs`)).toEqual([0, 1]);
  });

  it('without a spool, drops the lowest level first when the buffer is full, and counts every dropped record', () => {
    const service = uniqueName('svc');
    const publisher = open({ url: 'amqp://127.0.0.1:1', bufferBytes: MIB, spool: false });
    for (const number of range(600)) publisher.accept(service, 'DEBUG', line(number, 1000));
    for (const number of range(1000)) publisher.accept(service, 'ERROR', line(number, 1000));
    publisher.accept(service, 'INFO', line(0, 100_000));
    const { accepted, confirmed, pending, pendingBytes, dropped } = publisher.stats();
    expect({ accepted, confirmed }).toEqual({ accepted: 1601, confirmed: 0 });
    expect(pendingBytes).toBeLessThanOrEqual(MIB);
    expect(dropped.DEBUG?.['buffer full']).toBeGreaterThan(400);
    expect(dropped.INFO).toEqual({ 'buffer full': 1 });
    expect(dropped.ERROR).toBeUndefined();
    const total = Object.values(dropped).reduce((sum, reasons) => sum + (reasons['buffer full'] ?? 0), 0);
    expect(pending + total).toBe(1601);
  });

  it('drops the lowest level first when the buffer and the disk are full, and counts every dropped record', () => {
    const service = uniqueName('svc');
    const spool = { dir: useSpoolFolder(), maxBytes: MIB };
    const publisher = open({ url: 'amqp://127.0.0.1:1', bufferBytes: MIB, spool });
    withFastDisk(() => {
      for (const number of range(1200)) publisher.accept(service, 'DEBUG', line(number, 1000));
      expect(publisher.stats().dropped).toEqual({});
      for (const number of range(1500)) publisher.accept(service, 'ERROR', line(number, 1000));
    });
    const { accepted, confirmed, pending, pendingBytes, spooled, dropped } = publisher.stats();
    expect({ accepted, confirmed }).toEqual({ accepted: 2700, confirmed: 0 });
    expect(pendingBytes).toBeLessThanOrEqual(MIB);
    expect(publisher.status().spool!.bytes).toBeLessThanOrEqual(MIB);
    expect(dropped).toEqual({ DEBUG: { 'buffer full': 2700 - pending - spooled } });
    expect(dropped.DEBUG?.['buffer full']).toBeGreaterThan(600);
  });

  it('drops records if the disk cannot be used, and reports why', async () => {
    const spool = { dir: '/dev/null/spool' };
    const publisher = open({ url: 'amqp://127.0.0.1:1', bufferBytes: MIB, spool });
    const warnings: LoghiveError[] = [];
    publisher.events.on('warning', (error) => warnings.push(error));
    // Memory may grow for a while, because the disk may only be slow.
    for (const number of range(20_000)) publisher.accept('shop', 'INFO', line(number, 1000));
    const { pending, spooled, dropped } = publisher.stats();
    expect({ spooled, dropped }).toEqual({ spooled: 0, dropped: { INFO: { 'buffer full': 20_000 - pending } } });
    expect(pending).toBeLessThan(18_000);
    expect(await publisher.close(0)).toEqual({ confirmed: 0, spooled: 0, unsent: pending });
    const [unavailable, ...more] = warnings.filter(({ code }) => code === 'LOGHIVE_SPOOL_UNAVAILABLE');
    expect(unavailable?.message).toMatch(/^the spool in \/dev\/null\/spool cannot be used: .*ENOTDIR/);
    expect(more).toEqual([]);
  });

  it('drops a record that is larger than the whole buffer, and no other for it', () => {
    const publisher = open({ url: 'amqp://127.0.0.1:1', bufferBytes: MIB });
    for (const number of range(10)) publisher.accept('shop', 'DEBUG', line(number));
    publisher.accept('shop', 'ERROR', line(0, MIB));
    expect(publisher.stats().dropped).toEqual({ ERROR: { 'buffer full': 1 } });
    expect(publisher.stats().pending).toBe(10);
  });

  it('splits frames that the broker finds too large, and drops only records too large by themselves', async () => {
    const small = await useDevelopmentBroker({ maxMessageBytes: 2000 });
    const service = uniqueName('svc');
    const publisher = open({ url: small.url });
    for (const number of range(200)) publisher.accept(service, 'INFO', line(number));
    publisher.accept(service, 'INFO', line(200, 3000));
    publisher.accept(service, 'INFO', line(201));
    await publisher.flush();
    const dropped = { INFO: { 'larger than the broker allows': 1 } };
    expect(publisher.stats()).toMatchObject({ accepted: 202, confirmed: 201, pendingBytes: 0, dropped });
    expect(await drain(`${service}_info_logs`, small.url)).toEqual([...range(200), 201]);
    // From now on the limit is known, and no channel is closed.
    const { retries } = publisher.stats();
    for (const number of range(200)) publisher.accept(service, 'INFO', line(number));
    publisher.accept(service, 'ERROR', line(0, 3000));
    await publisher.flush();
    expect(publisher.stats()).toMatchObject({ confirmed: 401, retries, dropped: { ...dropped, ERROR: dropped.INFO } });
  });

  it('closes at once when the broker is unreachable, and leaves the records on disk for the next start', async () => {
    const service = uniqueName('svc');
    const dir = useSpoolFolder();
    const proxy = await useProxy(broker.url);
    await proxy.refuse();
    const publisher = open({ url: proxy.url(broker.url), spool: { dir } });
    const codes: string[] = [];
    publisher.events.on('warning', ({ code }) => codes.push(code));
    for (const number of range(10)) publisher.accept(service, 'INFO', line(number));
    const started = performance.now();
    expect(await publisher.close(60_000)).toEqual({ confirmed: 0, spooled: 10, unsent: 0 });
    expect(performance.now() - started).toBeLessThan(3000);
    expect(publisher.stats()).toMatchObject({ accepted: 10, pending: 0, pendingBytes: 0, spooled: 10, dropped: {} });
    expect(codes).toEqual(['LOGHIVE_BROKER_UNREACHABLE', 'LOGHIVE_RECORDS_SPOOLED']);
    await proxy.heal();
    await sendLeftBehind({ service, url: proxy.url(broker.url), dir }, 10);
    expect(await drain(`${service}_info_logs`)).toEqual(range(10));
    expect(segmentsIn(dir)).toEqual([]);
  });

  it('leaves the records on disk if the broker does not answer within the time limit of close()', async () => {
    const service = uniqueName('svc');
    const dir = useSpoolFolder();
    const proxy = await useProxy(broker.url);
    const publisher = open({ url: proxy.url(broker.url), spool: { dir } });
    await once(publisher.events, 'connect');
    proxy.halfOpen();
    for (const number of range(10)) publisher.accept(service, 'INFO', line(number));
    expect(await publisher.close(300)).toEqual({ confirmed: 0, spooled: 10, unsent: 0 });
    expect(publisher.stats().dropped).toEqual({});
    await proxy.heal();
    await sendLeftBehind({ service, url: proxy.url(broker.url), dir }, 10);
    expect(await drain(`${service}_info_logs`)).toEqual(range(10));
  });

  it('without a spool, closes in time when the broker is unreachable, and returns how many were dropped', async () => {
    const publisher = open({ url: 'amqp://127.0.0.1:1', spool: false });
    for (const number of range(10)) publisher.accept('shop', 'INFO', line(number));
    const started = performance.now();
    expect(await publisher.close(300)).toEqual({ confirmed: 0, spooled: 0, unsent: 10 });
    expect(performance.now() - started).toBeLessThan(3000);
    expect(publisher.stats().dropped).toEqual({ INFO: { 'unsent at close': 10 } });
  });

  it('without a spool, keeps trying an unreachable broker while it closes, however long its backoff is', async () => {
    vi.spyOn(Math, 'random').mockReturnValue(0.999);
    onTestFinished(() => void vi.restoreAllMocks());
    const proxy = await useProxy(broker.url);
    await proxy.refuse();
    const publisher = open({ url: proxy.url(broker.url), spool: false });
    publisher.accept(uniqueName('svc'), 'INFO', line(1));
    const connection = () => publisher.status().connection;
    for (let attempt = 0; attempt < 5; attempt++) {
      // Two attempts that are refused in the same millisecond could not be events apart.
      await eventually(() => connection().state === 'waiting' && (connection().lastErrorAtMs ?? 0) < Date.now());
      const { lastErrorAtMs = 0 } = connection();
      await publisher.flushWithin(1);
      await eventually(() => connection().lastErrorAtMs! > lastErrorAtMs && connection().state === 'waiting');
    }
    // By its backoff, the next attempt would be half a minute away.
    await eventually(() => (connection().lastErrorAtMs ?? 0) < Date.now());
    const { lastErrorAtMs = 0 } = connection();
    const closing = publisher.close(8000);
    await eventually(() => connection().lastErrorAtMs! > lastErrorAtMs && connection().state === 'waiting');
    await proxy.heal();
    expect(await closing).toEqual({ confirmed: 1, spooled: 0, unsent: 0 });
  });

  describe.each([
    ['in memory without a spool', false],
    ['in memory and on disk', true],
  ])('keeps the newest records of one level over all services %s', (_where, onDisk) => {
    const records = onDisk ? 12_000 : 6000;

    it.each<[string, (number: number) => string]>([
      ['log in turn', (number) => `shop${number % 3}`],
      ['log one after the other', (number) => `shop${Math.floor((3 * number) / records)}`],
      ['log at different rates', (number) => (number % 50 === 0 ? 'shop0' : 'shop1')],
    ])('if the services %s', (_how, serviceOf) => {
      const spool = onDisk && { dir: useSpoolFolder(), maxBytes: MIB };
      const publisher = open({ url: 'amqp://127.0.0.1:1', bufferBytes: MIB, spool });
      const services = new Map<string, number[]>();
      withFastDisk(() => {
        for (const number of range(records)) {
          const service = serviceOf(number);
          const numbers = services.get(service) ?? [];
          services.set(service, numbers);
          numbers.push(number);
          publisher.accept(service, 'INFO', line(number, 300));
        }
      });
      const { dropped, spooled } = publisher.stats();
      expect([dropped.INFO?.['buffer full'], spooled > 0]).toEqual([expect.any(Number), onDisk]);
      let newestLost = 0;
      let oldestKept = Number.POSITIVE_INFINITY;
      for (const { service, waiting } of publisher.status().lanes) {
        const numbers = services.get(service)!;
        newestLost = Math.max(newestLost, numbers.at(-waiting - 1) ?? 0);
        if (waiting > 0) oldestKept = Math.min(oldestKept, numbers.at(-waiting)!);
      }
      // Whole frames are dropped.
      expect(newestLost - oldestKept).toBeLessThan((2 * FRAME_BYTES + MIB / 16) / 300);
    });
  });

  it('resolves a flush when its records are confirmed or dropped, not while the broker is unreachable', async () => {
    const publisher = open({ url: 'amqp://127.0.0.1:1', bufferBytes: MIB, spool: false });
    publisher.accept('shop', 'INFO', line(0));
    let ended = false;
    const flushing = publisher.flush().then(() => {
      ended = true;
    });
    await eventually(() => publisher.status().connection.lastError !== undefined);
    expect(ended).toBe(false);
    for (const number of range(1100)) publisher.accept('shop', 'ERROR', line(number, 1000));
    expect(publisher.stats().dropped.INFO).toEqual({ 'buffer full': 1 });
    await flushing;
  });

  it('resolves a flush when its records are confirmed, not when they move to disk', async () => {
    const service = uniqueName('svc');
    const proxy = await useProxy(broker.url);
    await proxy.refuse();
    const publisher = open({ url: proxy.url(broker.url), bufferBytes: MIB, spool: { dir: useSpoolFolder() } });
    publisher.accept(service, 'INFO', line(0));
    let confirmed = 0;
    const flushing = publisher.flush().then(() => {
      confirmed = publisher.stats().confirmed;
    });
    withFastDisk(() => {
      for (const number of range(3000)) publisher.accept(service, 'INFO', line(number + 1, 1000));
    });
    expect(publisher.stats()).toMatchObject({ accepted: 3001, dropped: {} });
    expect(publisher.stats().spooled).toBeGreaterThan(1500);
    await eventually(() => publisher.status().connection.lastError !== undefined);
    expect(confirmed).toBe(0);
    await proxy.heal();
    await flushing;
    expect(confirmed).toBeGreaterThan(0);
    await publisher.flush();
    expect(publisher.stats()).toMatchObject({ accepted: 3001, confirmed: 3001, pending: 0, spooled: 0 });
  });

  it('shares one promise among repeated flushes while the broker is unreachable', async () => {
    const publisher = open({ url: 'amqp://127.0.0.1:1' });
    publisher.accept('shop', 'INFO', line(0));
    const first = publisher.flush();
    expect(publisher.flush()).toBe(first);
    publisher.accept('shop', 'INFO', line(1));
    expect(publisher.flush()).not.toBe(first);
    await publisher.close(0);
    await Promise.all([first, publisher.flush()]);
  });

  it.each([
    ['the records are on disk then', true, { spooled: 1, dropped: {} }],
    [
      'without a spool, the records are dropped then',
      false,
      { spooled: 0, dropped: { INFO: { 'unsent at close': 1 } } },
    ],
  ])('ends every waiting call of flushWithin() and close() by cutWaiting(): %s', async (_what, hasSpool, stats) => {
    const proxy = await useProxy(broker.url);
    const publisher = open({ url: proxy.url(broker.url), spool: hasSpool && { dir: useSpoolFolder() } });
    await once(publisher.events, 'connect');
    proxy.halfOpen();
    publisher.accept(uniqueName('svc'), 'INFO', line(0));
    const waiting = [publisher.flushWithin(60_000), publisher.close(60_000), publisher.flushWithin(60_000)];
    publisher.cutWaiting();
    await Promise.all(waiting);
    expect(publisher.stats()).toMatchObject({ pending: 0, ...stats });
  });

  it('reports the records lost at close in one line, with a code of their own', async () => {
    const publisher = open({ url: 'amqp://127.0.0.1:1', spool: false });
    await once(publisher.events, 'warning');
    const lost: LoghiveError[] = [];
    publisher.events.on('warning', (error) => {
      if (error.code === 'LOGHIVE_RECORDS_LOST') lost.push(error);
    });
    for (const level of ['INFO', 'ERROR'] as const) {
      for (const number of range(3)) publisher.accept('shop', level, line(number));
    }
    const closing = publisher.close(0);
    await publisher.close();
    for (const number of range(3)) publisher.accept('shop', 'INFO', line(number));
    await closing;
    expect(lost.map(({ message }) => message)).toEqual([
      'records dropped: 6 (unsent at close: shop INFO 3, shop ERROR 3); 6 in total since the start. They could not be sent to the broker: check why.',
    ]);
  });

  it('counts records that are logged after close, and never throws', async () => {
    const publisher = open();
    await publisher.close();
    publisher.accept('shop', 'INFO', line(1));
    expect(publisher.stats().dropped).toEqual({ INFO: { 'logged after close': 1 } });
  });

  it('gives the same result to everyone who closes it', async () => {
    const publisher = open();
    publisher.accept(uniqueName('svc'), 'INFO', line(1));
    const [first, second] = await Promise.all([publisher.close(), publisher.close()]);
    expect(first).toEqual({ confirmed: 1, spooled: 0, unsent: 0 });
    expect(second).toBe(first);
  });

  it('connects again after a rest when there is something to send', async () => {
    const service = uniqueName('svc');
    const publisher = open();
    publisher.accept(service, 'INFO', line(0));
    await publisher.flush();
    await publisher.rest();
    expect(publisher.status().connection.state).toBe('closed');
    publisher.accept(service, 'INFO', line(1));
    await publisher.flush();
    expect(await drain(`${service}_info_logs`)).toEqual([0, 1]);
  });

  it('connects again and loses nothing if amqplib throws although the connection looks open', async () => {
    const connection = await connect(broker.url);
    const prototype = Object.getPrototypeOf(await connection.createConfirmChannel());
    await connection.close();
    const service = uniqueName('svc');
    const publisher = open();
    publisher.accept(service, 'INFO', line(0));
    await publisher.flush();
    const publish = vi.spyOn(prototype, 'publish').mockImplementation(() => {
      if (publish.mock.calls.length >= 1000) publish.mockRestore();
      throw new Error('Channel closing');
    });
    onTestFinished(() => publish.mockRestore());
    publisher.accept(service, 'INFO', line(1));
    await eventually(() => publish.mock.calls.length > 0);
    expect(publish).toHaveBeenCalledOnce();
    publish.mockRestore();
    await publisher.flush();
    expect(await drain(`${service}_info_logs`)).toEqual([0, 1]);
  });

  it('continues when a listener of the application throws', async () => {
    const service = uniqueName('svc');
    const proxy = await useProxy(broker.url);
    const publisher = open({ url: proxy.url(broker.url) });
    for (const event of ['connect', 'disconnect', 'warning'] as const) {
      publisher.events.on(event, () => {
        throw new Error(`the listener of ${event} is broken`);
      });
    }
    publisher.accept(service, 'INFO', line(0));
    await publisher.flush();
    await proxy.reset();
    publisher.accept(service, 'INFO', line(1));
    await publisher.flush();
    expect(publisher.stats()).toMatchObject({ confirmed: 2, pending: 0 });
  });

  it('logs once that an unreachable broker is reachable again, and how many records waited', async () => {
    const info = vi.spyOn(internalLogger, 'info');
    onTestFinished(() => info.mockRestore());
    const proxy = await useProxy(broker.url);
    await proxy.refuse();
    const publisher = open({ url: proxy.url(broker.url) });
    const warnings: string[] = [];
    publisher.events.on('warning', ({ message }) => warnings.push(message));
    for (const number of range(12)) publisher.accept(uniqueName('svc'), 'INFO', line(number));
    await eventually(() => warnings.length > 0);
    await proxy.heal();
    await publisher.flush();
    const lines = info.mock.calls.map(([sentence]) => sentence);
    expect(lines).toEqual([`reconnected to RabbitMQ (127.0.0.1:${proxy.port}); sending 12 waiting records`]);
  });

  it('logs nothing about a broker that is reachable from the start', async () => {
    const info = vi.spyOn(internalLogger, 'info');
    onTestFinished(() => info.mockRestore());
    const publisher = open();
    publisher.accept(uniqueName('svc'), 'INFO', line(0));
    await publisher.flush();
    expect(info).not.toHaveBeenCalled();
  });

  it('emits events when it connects, loses the connection and connects again', async () => {
    const proxy = await useProxy(broker.url);
    const publisher = open({ url: proxy.url(broker.url) });
    const events: string[] = [];
    publisher.events.on('connect', () => events.push('connect'));
    publisher.events.on('disconnect', () => events.push('disconnect'));
    await eventually(() => events.length === 1);
    await proxy.reset();
    await eventually(() => events.length === 3);
    expect(events).toEqual(['connect', 'disconnect', 'connect']);
  });
});
