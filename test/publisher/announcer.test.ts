import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import amqp from 'amqplib';
import { beforeAll, describe, expect, test } from 'vitest';
import { PublishChannel } from '../../src/amqp/publish-channel.js';
import type { LoghiveError } from '../../src/errors.js';
import { internalLogger } from '../../src/internal-logger.js';
import { type PublisherConfig, producerConfig } from '../../src/producer-config.js';
import { Announcer } from '../../src/publisher/announcer.js';
import { Publisher } from '../../src/publisher/publisher.js';
import { LoghiveTransport } from '../../transports/winston.js';
import { brokerConfigOf } from '../support/use-connection.js';
import { onEnd, type TestBroker, uniqueName, useBroker, useChild, useProxy } from '../support/use-servers.js';
import { eventually } from '../support/wait.mjs';

const QUEUE = 'loghive_services';
const ARGUMENTS = { 'x-message-ttl': 604_800_000, 'x-max-length': 10_000 };

beforeAll(() => internalLogger.setLevel('CRITICAL'));

async function useChannel(broker: TestBroker) {
  const connection = await amqp.connect(broker.url);
  connection.on('error', () => {});
  onEnd(() => connection.close().catch(() => {}));
  const channel = await connection.createConfirmChannel();
  channel.on('error', () => {});
  return channel;
}

/** Collects the announcements that are already in the queue, and those that arrive later. */
async function listen(broker: TestBroker) {
  const channel = await useChannel(broker);
  const messages: amqp.ConsumeMessage[] = [];
  await eventually(async () => (await broker.listQueues()).some(({ name }) => name === QUEUE));
  await channel.consume(QUEUE, (message) => message && messages.push(message), { noAck: true });
  const services = () => messages.map(({ content }) => JSON.parse(content.toString()).service);
  const count = (service: string) => services().filter((each) => each === service).length;
  return { messages, services, count };
}

function usePublisher(url: string, over: Partial<PublisherConfig> = {}) {
  const publisher = new Publisher({ ...producerConfig('test', { service: 'unused', url }), ...over });
  onEnd(() => publisher.close(0));
  const warnings: LoghiveError[] = [];
  publisher.events.on('warning', (error) => warnings.push(error));
  return { publisher, warnings };
}

function useTransport(broker: TestBroker, service: string) {
  const transport = new LoghiveTransport({ service, url: broker.url, exitTimeoutMs: 5000 });
  onEnd(() => transport.close());
  return transport;
}

async function useUser(broker: TestBroker, permissions: { configure?: string; write?: string }) {
  const name = uniqueName('user');
  const url = await broker.admin.addUser(name, 'secret', { vhost: broker.vhost, ...permissions });
  onEnd(() => broker.admin.deleteUser(name));
  return url;
}

describe('a producer', () => {
  test('has been announced when a flush resolves, because the process may end then', async () => {
    const broker = await useBroker();
    const service = uniqueName('svc');
    const channel = await useChannel(broker);
    const { publisher } = usePublisher(broker.url);
    publisher.announce(service);
    await new Promise<void>((resolve) => publisher.events.once('connect', () => resolve()));
    // No record is logged, because waiting for its confirm would hide a missing announcement.
    await publisher.flush();
    const message = await channel.get(QUEUE, { noAck: true });
    expect(message && JSON.parse(message.content.toString()).service).toBe(service);
  });

  test('is announced when it connects, before it logs anything, and this counts as no record', async () => {
    const broker = await useBroker();
    const service = uniqueName('svc');
    const transport = useTransport(broker, service);
    const { messages, services } = await listen(broker);
    await eventually(() => messages.length === 1);
    expect(services()).toEqual([service]);
    expect(messages[0]!.fields).toMatchObject({ exchange: 'logs_exchange', routingKey: 'loghive.services' });
    expect(messages[0]!.properties).toMatchObject({ contentType: 'application/json', deliveryMode: 2 });
    expect(Math.abs(messages[0]!.properties.timestamp - Date.now() / 1000)).toBeLessThan(60);
    expect((await broker.listQueues()).find(({ name }) => name === QUEUE)).toMatchObject({
      type: 'classic',
      durable: true,
      arguments: ARGUMENTS,
    });
    expect(transport.stats()).toEqual({
      accepted: 0,
      adopted: 0,
      confirmed: 0,
      pending: 0,
      pendingBytes: 0,
      spooled: 0,
      dropped: {},
      retries: 0,
    });
    expect(transport.status().lanes).toEqual([]);
    expect(await transport.close()).toEqual({ confirmed: 0, spooled: 0, unsent: 0 });
  });

  test('is announced again on each connection', async () => {
    const broker = await useBroker();
    const service = uniqueName('svc');
    const transport = useTransport(broker, service);
    const { count } = await listen(broker);
    for (let connections = 1; connections <= 3; connections++) {
      await eventually(() => count(service) === connections);
      if (connections === 3) break;
      const { connectedAt } = transport.status().connection;
      const id = await broker.admin.eval(
        `length([rabbit_networking:close_connection(Pid, "test") || Pid <- rabbit_networking:connections(), [{vhost, V}, {client_properties, P}] <- [rabbit_networking:connection_info(Pid, [vhost, client_properties])], V == <<"${broker.vhost}">>, {<<"connection_name">>, longstr, <<"loghive producer", _/binary>>} <- P]).`,
      );
      expect(id).toBe('1');
      await eventually(() => ![connectedAt, undefined].includes(transport.status().connection.connectedAt));
    }
  });

  test('that shares a connected publisher is announced immediately, and once for each service', async () => {
    const broker = await useBroker();
    const [first, second] = [uniqueName('svc'), uniqueName('svc')];
    useTransport(broker, first);
    const { services, count } = await listen(broker);
    await eventually(() => count(first) === 1);
    useTransport(broker, second);
    useTransport(broker, second);
    await eventually(() => count(second) === 1);
    const third = uniqueName('svc');
    useTransport(broker, third);
    await eventually(() => count(third) === 1);
    expect(services()).toEqual([first, second, third]);
  });

  test('is announced with its first record if no integration has announced its service', async () => {
    const broker = await useBroker();
    const service = uniqueName('svc');
    const { publisher } = usePublisher(broker.url);
    publisher.accept(service, 'INFO', '{"n":1}');
    publisher.accept(service, 'ERROR', '{"n":2}');
    await publisher.flush();
    const { services } = await listen(broker);
    await eventually(() => services().length === 1);
    expect(services()).toEqual([service]);
    expect(publisher.stats()).toMatchObject({ accepted: 2, confirmed: 2 });
  });

  test('is announced even if it is a script that logs one record and ends', async () => {
    const broker = await useBroker();
    useTransport(broker, 'first');
    const { count } = await listen(broker);
    const folder = mkdtempSync(path.join(import.meta.dirname, '.announcer-'));
    onEnd(() => rmSync(folder, { recursive: true, force: true }));
    const file = path.join(folder, 'script.mjs');
    writeFileSync(
      file,
      `import { LoghiveTransport } from '../../../dist/esm/transports/winston.js';
new LoghiveTransport({ service: process.argv[2], url: ${JSON.stringify(broker.url)} }).log({ level: 'info', message: 'hello' }, () => {});
`,
    );
    const services = Array.from({ length: 5 }, () => uniqueName('svc'));
    for (const service of services) {
      expect(await useChild(file, { args: [service] }).exited).toEqual({ code: 0, signal: null });
    }
    await eventually(() => services.every((service) => count(service) >= 1));
  });
});

describe('an announcement', () => {
  function useAnnouncer(url: string, everyMs?: number) {
    const publishChannel = new PublishChannel(brokerConfigOf(url), 'test', false);
    const warnings: LoghiveError[] = [];
    publishChannel.events.on('warning', (error) => warnings.push(error));
    const announcer = new Announcer(
      publishChannel,
      { warn: (error) => warnings.push(error), log: internalLogger },
      everyMs,
    );
    publishChannel.connection.open();
    onEnd(async () => {
      announcer.stop();
      await publishChannel.connection.close();
    });
    return { publishChannel, announcer, warnings };
  }

  test('is repeated on the same connection, and its queue is declared again if it was deleted', async () => {
    const broker = await useBroker();
    const { announcer } = useAnnouncer(broker.url, 100);
    announcer.add('shop');
    const before = await listen(broker);
    await eventually(() => before.count('shop') >= 3);
    await broker.admin.deleteQueue(QUEUE, broker.vhost);
    const after = await listen(broker);
    await eventually(() => after.count('shop') >= 2);
  });

  test('is repeated soon if there was no queue to keep it', async () => {
    const broker = await useBroker();
    const url = await useUser(broker, { configure: '^logs_exchange$' });
    const { announcer, publishChannel } = useAnnouncer(url, 3_600_000);
    await eventually(() => publishChannel.openConnection !== undefined);
    announcer.add('shop');
    await eventually(() => announcer.hasAnnounced);
    const channel = await useChannel(broker);
    await channel.assertQueue(QUEUE, { durable: true, arguments: ARGUMENTS });
    await channel.bindQueue(QUEUE, 'logs_exchange', 'loghive.services');
    const { count } = await listen(broker);
    await eventually(() => count('shop') === 1);
  });

  test('is sent as soon as there is a service, and its queue is not declared before that', async () => {
    const broker = await useBroker();
    const { publishChannel, announcer } = useAnnouncer(broker.url, 50);
    await eventually(() => publishChannel.openConnection !== undefined);
    expect((await broker.listQueues()).map(({ name }) => name)).not.toContain(QUEUE);
    announcer.add('shop');
    const { count } = await listen(broker);
    await eventually(() => count('shop') >= 2);
    announcer.stop();
    await publishChannel.connection.close();
  });

  // Every millisecond, so that the queue is being declared all the time; every hour, so that it is announced once.
  test.each([1, 3_600_000])('is sent before the connection closes, if it is repeated every %d ms', async (everyMs) => {
    const broker = await useBroker();
    const { publishChannel, announcer } = useAnnouncer(broker.url, everyMs);
    announcer.add('first');
    const { count } = await listen(broker);
    await eventually(() => count('first') >= (everyMs === 1 ? 2 : 1));
    announcer.add('late');
    await announcer.hurry();
    announcer.stop();
    await publishChannel.connection.close();
    await eventually(() => count('late') >= 1);
  });

  test('is sent to a queue that exists with different arguments, which is bound, and reported once', async () => {
    const broker = await useBroker();
    const channel = await useChannel(broker);
    await channel.assertQueue(QUEUE, { durable: true, arguments: { 'x-max-length': 5 } });
    const { announcer, warnings } = useAnnouncer(broker.url, 100);
    announcer.add('shop');
    const { count } = await listen(broker);
    await eventually(() => count('shop') >= 3);
    expect(warnings.map(({ message }) => message)).toEqual([
      expect.stringMatching(/^queue "loghive_services" exists with different arguments and is used as it is: /),
    ]);
  });

  test('that a full queue refuses is reported once', async () => {
    const broker = await useBroker();
    const channel = await useChannel(broker);
    await channel.assertQueue(QUEUE, {
      durable: true,
      arguments: { 'x-max-length': 1, 'x-overflow': 'reject-publish' },
    });
    const { announcer, warnings, publishChannel } = useAnnouncer(broker.url, 100);
    for (const service of ['one', 'two', 'three', 'four']) announcer.add(service);
    const refusals = () => warnings.filter(({ message }) => message.includes('refuses the announcements'));
    await eventually(() => refusals().length > 0);
    await broker.admin.deleteQueue(QUEUE, broker.vhost);
    const { count } = await listen(broker);
    await eventually(() => count('four') > 1);
    expect(refusals()).toHaveLength(1);
    expect(publishChannel.openConnection).toBeDefined();
  });
});

describe('a publisher', () => {
  test('sends records even if it may not declare the queue of announcements, which is reported once', async () => {
    const broker = await useBroker();
    const service = uniqueName('svc');
    const url = await useUser(broker, { configure: '^(logs_exchange|svc_.*)$' });
    const { publisher, warnings } = usePublisher(url);
    publisher.announce(service);
    publisher.accept(service, 'INFO', '{"n":1}');
    await publisher.flush();
    await eventually(() => warnings.length > 0);
    publisher.announce(uniqueName('svc'));
    publisher.accept(service, 'ERROR', '{"n":2}');
    await publisher.flush();
    expect(warnings.map(({ code, message }) => `${code} ${message}`)).toEqual([
      expect.stringMatching(
        /^LOGHIVE_BROKER_REFUSED queue "loghive_services" does not exist and the user may not declare it/,
      ),
    ]);
    expect(publisher.stats()).toMatchObject({ accepted: 2, confirmed: 2, retries: 0 });
    expect((await broker.listQueues()).map(({ name }) => name)).not.toContain(QUEUE);
  });

  test('does not wait in flush() and close() for a broker that does not answer an announcement', async () => {
    const broker = await useBroker();
    const proxy = await useProxy(broker.url);
    const { publisher } = usePublisher(proxy.url(broker.url), { exitTimeoutMs: 300 });
    publisher.announce('shop');
    await eventually(() => publisher.status().connection.state === 'ready');
    proxy.halfOpen();
    expect(publisher.isIdle).toBe(true);
    await publisher.flush();
    expect(await publisher.close()).toEqual({ confirmed: 0, spooled: 0, unsent: 0 });
  });
});
