/** Consumers without names: they consume every service that announces itself. */
import { connect } from 'amqplib';
import { describe, expect, test, vi } from 'vitest';
import winston from 'winston';
import { type ConsumerOptions, startConsumer } from '../../consumer/index.js';
import { internalLogger } from '../../src/internal-logger.js';
import { LoghiveTransport } from '../../transports/winston.js';
import {
  onEnd,
  type TestBroker,
  type TestDatabase,
  uniqueName,
  useBroker,
  useDatabase,
  useProxy,
} from '../support/use-servers.js';
import { eventually } from '../support/wait.mjs';
import { openClient, urlAs } from './store/database.js';

const QUEUE = 'loghive_services';

async function useServers() {
  const [broker, database] = await Promise.all([useBroker(), useDatabase()]);
  const at = { url: broker.url, databaseUrl: database.url };
  const stored = async (service: string) =>
    (await database.query('select count(*)::int as n from logs.records where service = $1', [service]))[0].n;
  const known = async () =>
    (await database.query('select service from logs.services order by service')).map(({ service }) => service);
  return { broker, database, at, stored, known };
}

async function useConsumer(options: ConsumerOptions, services: string[] = []) {
  const consumer = await startConsumer(services, options);
  onEnd(() => consumer.stop());
  return consumer;
}

function useLogger(broker: TestBroker, service: string) {
  const transport = new LoghiveTransport({ service, url: broker.url });
  onEnd(() => transport.close());
  return { transport, logger: winston.createLogger({ level: 'silly', transports: [transport] }) };
}

async function useChannel(broker: TestBroker) {
  const connection = await connect(broker.url);
  onEnd(() => connection.close().catch(() => {}));
  return connection.createConfirmChannel();
}

async function announce(broker: TestBroker, ...contents: Array<string | Buffer>) {
  const channel = await useChannel(broker);
  for (const content of contents) {
    channel.publish('logs_exchange', 'loghive.services', Buffer.from(content), { persistent: true });
  }
  await channel.waitForConfirms();
}

const announcementOf = (service: string) => JSON.stringify({ service });

/** A record in queues that its publisher declared, without an announcement. */
async function publishRecord(broker: TestBroker, service: string) {
  const channel = await useChannel(broker);
  const record = { service, level: 'INFO', message: 'm', information: {}, timestamp: new Date().toISOString() };
  channel.publish('logs_exchange', `${service}.info`, Buffer.from(JSON.stringify(record)), { persistent: true });
  await channel.waitForConfirms();
}

async function queueOf(broker: TestBroker, name: string) {
  return (await broker.listQueues()).find((queue) => queue.name === name);
}

function listen(level: 'info' | 'warning') {
  const logged = vi.spyOn(internalLogger, level).mockImplementation(() => {});
  onEnd(() => logged.mockRestore());
  return (words: string) => logged.mock.calls.map(([line]) => line).filter((line) => line.includes(words));
}

const lettersOf = (database: TestDatabase) =>
  database.query('select raw, code, reason, queue, routing_key, seen from logs.dead_letters order by length(raw), raw');

describe('a consumer without names', () => {
  test('that was started first stores all records of a service', async () => {
    const { broker, at, stored, known } = await useServers();
    const infos = listen('info');
    const consumer = await useConsumer(at);
    expect(consumer.status()).toMatchObject({ services: [], health: 'ok' });
    expect(infos('consuming messages of')).toEqual([
      'consuming messages of every service that announces itself; none is known yet',
    ]);
    const service = uniqueName('svc');
    const { logger, transport } = useLogger(broker, service);
    for (const level of ['debug', 'info', 'warn', 'error']) logger.log(level, 'hello');
    await transport.flush();
    await eventually(async () => (await stored(service)) === 4);
    logger.log('error', 'hello again');
    await eventually(async () => (await stored(service)) === 5);
    expect(consumer.status()).toMatchObject({ services: [service], health: 'ok', counts: { stored: 5, pauses: 0 } });
    expect(await known()).toEqual([service]);
    expect(infos(`found service ${service};`)).toHaveLength(1);
    await eventually(async () => (await queueOf(broker, QUEUE))?.messages === 0);
  });

  test('that is started later finds earlier announcements and records', async () => {
    const { broker, at, stored } = await useServers();
    const [one, other] = [uniqueName('svc'), uniqueName('svc')];
    for (const service of [one, other]) {
      const { logger, transport } = useLogger(broker, service);
      logger.info('hello');
      await transport.flush();
    }
    await eventually(async () => (await queueOf(broker, QUEUE))?.messages === 2);
    const consumer = await useConsumer(at);
    await eventually(async () => (await stored(one)) === 1 && (await stored(other)) === 1);
    expect([...consumer.status().services].sort()).toEqual([one, other].sort());
  });

  test('consumes a service that another one found, together with it', async () => {
    const { broker, at, stored } = await useServers();
    const consumers = await Promise.all([useConsumer(at), useConsumer(at)]);
    const service = uniqueName('svc');
    const { logger, transport } = useLogger(broker, service);
    logger.info('hello');
    await transport.flush();
    for (const consumer of consumers) await eventually(() => consumer.status().services.includes(service));
    await eventually(async () => (await queueOf(broker, `${service}_critical_logs`))?.consumers === 2);
    await eventually(async () => (await stored(service)) === 1);
  });

  test('consumes a service found by one with names, which consumes only its own', async () => {
    const { broker, at, stored, known } = await useServers();
    const [named, found] = [uniqueName('svc'), uniqueName('svc')];
    const one = await useConsumer(at, [named]);
    await announce(broker, announcementOf(found));
    await eventually(async () => (await known()).includes(found));
    expect(one.status().services).toEqual([named]);
    expect(await queueOf(broker, `${found}_info_logs`)).toBeUndefined();
    const other = await useConsumer(at);
    expect(other.status().services).toEqual([found]);
    await publishRecord(broker, found);
    await eventually(async () => (await stored(found)) === 1);
    expect(one.status().counts.stored).toBe(0);
  });

  test('remembers services after a restart and logs them in one line', async () => {
    const { broker, at, stored } = await useServers();
    const services = Array.from({ length: 3 }, () => uniqueName('svc'));
    const first = await useConsumer(at);
    await announce(broker, ...services.map(announcementOf));
    await eventually(() => first.status().services.length === 3);
    await first.stop();
    await eventually(async () => (await queueOf(broker, QUEUE))?.messages === 0);
    const infos = listen('info');
    const second = await useConsumer(at);
    expect([...second.status().services].sort()).toEqual([...services].sort());
    expect(infos('found service')).toEqual([]);
    expect(infos('consuming messages of every service that announces itself, so far: svc_')).toHaveLength(1);
    await publishRecord(broker, services[2]!);
    await eventually(async () => (await stored(services[2]!)) === 1);
  });

  test('consumes a service that was inserted into the table, and ignores invalid names', async () => {
    const { broker, database, at, stored } = await useServers();
    const warnings = listen('warning');
    const consumer = await useConsumer(at);
    await database.query(`insert into logs.services values ('a b'), (''), ($1), ('till')`, ['x'.repeat(300)]);
    await eventually(() => consumer.status().services.length === 1);
    await eventually(async () => (await queueOf(broker, 'till_critical_logs'))?.consumers === 1);
    await publishRecord(broker, 'till');
    await eventually(async () => (await stored('till')) === 1);
    await database.query(`insert into logs.services values ('shop')`);
    await eventually(() => consumer.status().services.length === 2);
    expect(consumer.status().services).toEqual(['till', 'shop']);
    expect(warnings('is not a valid service name')).toHaveLength(3);
  });

  test('keeps its services after a lost connection', async () => {
    const { broker, at, stored } = await useServers();
    const consumer = await useConsumer(at);
    await announce(broker, announcementOf('shop'));
    await eventually(async () => (await queueOf(broker, 'shop_critical_logs'))?.consumers === 1);
    await broker.closeConnections();
    await eventually(async () => (await queueOf(broker, 'shop_critical_logs'))?.consumers === 1);
    await announce(broker, announcementOf('till'));
    await eventually(async () => (await queueOf(broker, 'till_critical_logs'))?.consumers === 1);
    for (const service of ['shop', 'till']) await publishRecord(broker, service);
    await eventually(async () => (await stored('shop')) === 1 && (await stored('till')) === 1);
    await eventually(() => consumer.status().health === 'ok');
  });

  test('is not disturbed by a flood of names: each is logged once, and records are stored meanwhile', async () => {
    const { broker, at, stored, known } = await useServers();
    const infos = listen('info');
    const consumer = await useConsumer({ ...at, queueType: 'classic' });
    await announce(broker, announcementOf('shop'));
    await eventually(async () => (await queueOf(broker, 'shop_critical_logs'))?.consumers === 1);
    const names = Array.from({ length: 40 }, (_, index) => `flood-${index}`);
    const flood = Array.from({ length: 5000 }, (_, index) => announcementOf(names[index % names.length]!));
    await announce(broker, ...flood);
    await publishRecord(broker, 'shop');
    await eventually(async () => (await stored('shop')) === 1);
    await eventually(async () => (await queueOf(broker, 'flood-39_critical_logs'))?.consumers === 1);
    await eventually(async () => (await queueOf(broker, QUEUE))?.messages === 0);
    expect(await known()).toHaveLength(41);
    for (const name of names) expect(infos(`found service ${name};`)).toHaveLength(1);
    expect((await broker.listQueues()).filter(({ consumers }) => consumers > 1)).toEqual([]);
    expect(consumer.status()).toMatchObject({ health: 'ok', counts: { pauses: 0, deadLetters: 0 } });
  });
});

test('a consumer without names accepts no more services than the maximum, and stores the records of those', async () => {
  const { broker, at, stored, known } = await useServers();
  const consumer = await useConsumer({ ...at, queueType: 'classic', maxServices: 3 });
  await announce(broker, announcementOf('shop'));
  await eventually(async () => (await queueOf(broker, 'shop_critical_logs'))?.consumers === 1);
  await announce(broker, ...Array.from({ length: 50 }, (_, index) => announcementOf(`flood-${index}`)));
  await publishRecord(broker, 'shop');
  await eventually(async () => (await stored('shop')) === 1);
  await eventually(async () => (await queueOf(broker, QUEUE))?.messages === 0);
  expect(await known()).toHaveLength(3);
  expect(consumer.status()).toMatchObject({ health: 'degraded', counts: { deadLetters: 0 } });
  expect(consumer.status().notices).toEqual([expect.stringMatching(/^more than 3 services have announced themselves/)]);
});

describe('an announcement', () => {
  test('that names no service becomes a dead letter and blocks no other', async () => {
    const { broker, database, at, known } = await useServers();
    const consumer = await useConsumer(at);
    const bad = [Buffer.from([0xff]), Buffer.from('nonsense'), Buffer.from('{"service":"a b"}')];
    await announce(broker, ...bad, announcementOf('shop'));
    await eventually(async () => (await known()).length === 1);
    await eventually(async () => (await lettersOf(database)).length === 3);
    expect((await lettersOf(database)).map(({ raw, ...letter }) => ({ ...letter, raw: Buffer.from(raw) }))).toEqual(
      ['not valid UTF-8', 'not JSON', 'without a valid service name'].map((reason, index) => ({
        raw: bad[index],
        code: 'invalid',
        reason: expect.stringContaining(reason),
        queue: QUEUE,
        routing_key: 'loghive.services',
        seen: 1,
      })),
    );
    await eventually(async () => (await queueOf(broker, QUEUE))?.messages === 0);
    expect(consumer.status()).toMatchObject({ services: ['shop'], counts: { deadLetters: 3, stored: 0 } });
  });

  test('that is repeated updates only last_seen', async () => {
    const { broker, database, at } = await useServers();
    await useConsumer(at);
    await announce(broker, announcementOf('shop'));
    const rows = () => database.query('select service, first_seen, last_seen from logs.services');
    await eventually(async () => (await rows()).length === 1);
    const [first] = await rows();
    await announce(broker, announcementOf('shop'));
    await eventually(async () => (await rows())[0].last_seen > first.last_seen);
    expect(await rows()).toEqual([{ ...first, last_seen: expect.anything() }]);
  });

  test('stays unacknowledged while PostgreSQL is down, and is stored when it is back', async () => {
    const { broker, database, at, known } = await useServers();
    const proxy = await useProxy(database.url);
    const consumer = await useConsumer({ ...at, databaseUrl: proxy.url(database.url) });
    await proxy.refuse();
    await proxy.reset();
    await announce(broker, announcementOf('shop'));
    await eventually(() => consumer.status().services.length === 1);
    const notice = /^service announcements cannot be stored for other consumers: /;
    await eventually(() => expect(consumer.status().notices).toContainEqual(expect.stringMatching(notice)));
    expect((await queueOf(broker, QUEUE))?.messages).toBe(1);
    await proxy.heal();
    await eventually(async () => (await queueOf(broker, QUEUE))?.messages === 0, { withinMs: 30_000 });
    expect(await known()).toEqual(['shop']);
    await eventually(() => consumer.status().health === 'ok');
  }, 60_000);

  test('is not acknowledged before it is stored', async () => {
    const { broker, database, at, known } = await useServers();
    await useConsumer(at);
    // A row takes long enough that an early acknowledgement would be seen.
    await database.query(`
      create function wait() returns trigger language plpgsql as $$ begin perform pg_sleep(0.5); return new; end $$;
      create trigger wait before insert on logs.services for each row execute function wait()`);
    await announce(broker, announcementOf('shop'));
    await eventually(async () => (await queueOf(broker, QUEUE))?.messages === 0);
    expect(await known()).toEqual(['shop']);
  });

  test('is consumed from a queue that exists with other arguments, which is reported once', async () => {
    const { broker, at } = await useServers();
    const channel = await useChannel(broker);
    await channel.assertQueue(QUEUE, { durable: true, arguments: { 'x-queue-type': 'quorum' } });
    const consumer = await useConsumer(at);
    await announce(broker, announcementOf('shop'));
    await eventually(() => consumer.status().services.length === 1);
    expect(consumer.status().notices).toEqual([
      expect.stringMatching(/^queue "loghive_services" exists with different arguments and is used as it is/),
    ]);
  });
});

describe('records are stored', () => {
  async function useRole(database: TestDatabase, rights: string) {
    const role = uniqueName('role');
    await database.query(`create role ${role} login password 'geheim'`);
    onEnd(async () => {
      await database.query(`drop owned by ${role}`);
      await database.query(`drop role ${role}`);
    });
    await database.query(`grant usage on schema logs to ${role}; ${rights.replaceAll('ROLE', role)}`);
    return urlAs(database.url, role, 'geheim');
  }

  test('by a role without permissions on the table of services, which is reported; services are still found', async () => {
    const { broker, database, at, stored } = await useServers();
    await (await useConsumer(at, ['shop'])).stop();
    await database.query(`insert into logs.services values ('till')`);
    const databaseUrl = await useRole(
      database,
      'grant select, insert, update on all tables in schema logs to ROLE; revoke all on logs.services from ROLE',
    );
    const consumer = await useConsumer({ ...at, databaseUrl });
    expect(consumer.status()).toMatchObject({ services: [], health: 'degraded' });
    await announce(broker, announcementOf('shop'));
    await eventually(() => consumer.status().services.length === 1);
    await publishRecord(broker, 'shop');
    await eventually(async () => (await stored('shop')) === 1);
    expect(consumer.status().counts).toMatchObject({ pauses: 0 });
    await eventually(() => consumer.status().notices.length === 2);
    expect(consumer.status().notices).toEqual([
      expect.stringMatching(/^services found by other consumers cannot be read: .*42501/),
      expect.stringMatching(/^service announcements cannot be stored for other consumers: .*42501/),
    ]);

    await database.query('grant select, insert, update on logs.services to public');
    await eventually(() => consumer.status().services.includes('till'));
    await announce(broker, announcementOf('shop'));
    await eventually(() => consumer.status().health === 'ok');
    expect(consumer.status().notices).toEqual([]);
  });

  test('by a role that may only select and insert, which stores services too', async () => {
    const { broker, database, at, known } = await useServers();
    await (await useConsumer(at, ['shop'])).stop();
    const databaseUrl = await useRole(database, 'grant select, insert on all tables in schema logs to ROLE');
    const consumer = await useConsumer({ ...at, databaseUrl });
    await announce(broker, announcementOf('shop'), announcementOf('till'));
    await eventually(() => consumer.status().services.length === 2);
    await announce(broker, announcementOf('shop'));
    await eventually(async () => (await queueOf(broker, QUEUE))?.messages === 0);
    expect(await known()).toEqual(['shop', 'till']);
    expect(consumer.status()).toMatchObject({ health: 'ok', notices: [], counts: { pauses: 0 } });
  });

  test('while the table of services is locked', async () => {
    const { broker, database, at, stored } = await useServers();
    const consumer = await useConsumer(at);
    await announce(broker, announcementOf('shop'));
    await eventually(async () => (await queueOf(broker, 'shop_critical_logs'))?.consumers === 1);
    const client = await openClient(database.url);
    await client.query('begin; lock table logs.services');
    await announce(broker, announcementOf('till'));
    await publishRecord(broker, 'shop');
    await eventually(async () => (await stored('shop')) === 1);
    await eventually(() => consumer.status().notices.length > 0);
    expect(consumer.status().notices[0]).toContain('is locked by another session');
    await client.query('rollback');
    await announce(broker, announcementOf('till'));
    await eventually(() => consumer.status().health === 'ok');
    expect(consumer.status().counts.pauses).toBe(0);
  });

  test('while the disk of the table of services is full, without a pause, and health reports it', async () => {
    const { broker, database, at, stored, known } = await useServers();
    const consumer = await useConsumer(at);
    await announce(broker, announcementOf('shop'));
    await eventually(async () => (await queueOf(broker, 'shop_critical_logs'))?.consumers === 1);
    // Raised by a trigger: a disk that is full only for this table cannot be set up here.
    await database.query(`create function full_disk() returns trigger language plpgsql as $$
      begin raise exception 'could not extend file' using errcode = '53100'; end $$;
      create trigger full_disk before insert on logs.services for each row execute function full_disk()`);
    await announce(broker, announcementOf('till'));
    await eventually(async () => (await queueOf(broker, 'till_critical_logs'))?.consumers === 1);
    await publishRecord(broker, 'shop');
    await publishRecord(broker, 'till');
    await eventually(async () => (await stored('shop')) === 1 && (await stored('till')) === 1);
    expect(consumer.status()).toMatchObject({ state: 'running', health: 'degraded', counts: { pauses: 0 } });
    expect(consumer.status().reasons).toEqual([
      expect.stringMatching(/^service announcements cannot be stored for other consumers: .*53100/),
    ]);
    await database.query('drop trigger full_disk on logs.services');
    await eventually(() => consumer.status().health === 'ok', { withinMs: 30_000 });
    expect(await known()).toEqual(['shop', 'till']);
  }, 60_000);

  test('by a consumer with names that may not read the announcements, which is reported', async () => {
    const { broker, at, stored } = await useServers();
    await (await useConsumer(at, ['shop'])).stop();
    const user = uniqueName('user');
    const url = await broker.admin.addUser(user, 'secret', { vhost: broker.vhost, read: '^(?!loghive_services$).*' });
    onEnd(() => broker.admin.deleteUser(user));
    const consumer = await useConsumer({ ...at, url }, ['shop']);
    await publishRecord(broker, 'shop');
    await eventually(async () => (await stored('shop')) === 1);
    await eventually(() => consumer.status().notices.length === 1);
    expect(consumer.status().notices[0]).toMatch(/^cannot consume from queue "loghive_services"/);
  });
});
