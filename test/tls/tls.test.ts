import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import winston from 'winston';
import { createConsumer, migrateDatabase, startConsumer } from '../../consumer/index.js';
import { LoghiveError } from '../../src/errors.js';
import { internalLogger } from '../../src/internal-logger.js';
import { LoghiveTransport } from '../../transports/winston.js';
import { takeRecords } from '../exits/take-records.mjs';
import { freePort } from '../support/ports.mjs';
import type { PostgresServer } from '../support/postgres.mjs';
import { startPostgres } from '../support/postgres.mjs';
import type { RabbitmqServer } from '../support/rabbitmq.mjs';
import { requireRabbitmq } from '../support/require-rabbitmq.mjs';
import { type Certificate, makeCa, writePem } from '../support/tls.mjs';
import { onEnd, uniqueName, useChild } from '../support/use-servers.js';
import { eventually } from '../support/wait.mjs';

const ca = makeCa();
const otherCa = makeCa({ cn: 'Another CA' });
const good = ca.issue();
const expired = ca.issue({ expired: true });
const misnamed = ca.issue({ cn: 'elsewhere.example', altNames: ['elsewhere.example'] });
const client = ca.issue({ cn: 'guest', altNames: ['client.example'] });
const files = writePem({ ca: ca.cert, otherCa: otherCa.cert, cert: client.cert, key: client.key });

let rabbitmq: RabbitmqServer;
/** Requires a certificate from each client. */
let strict: RabbitmqServer;
let postgres: PostgresServer;

beforeAll(async () => {
  internalLogger.setLevel('CRITICAL');
  onEnd(() => files.remove());
  [rabbitmq, strict, postgres] = await Promise.all([
    requireRabbitmq({ tls: good }),
    requireRabbitmq({ tls: { ...good, verifyPeer: true } }),
    startPostgres({ tls: good }),
  ]);
  onEnd(() => Promise.all([rabbitmq.stop(), strict.stop(), postgres.stop()]));
});

/** Makes the server use another certificate until the end of the test. */
async function showCertificate(server: RabbitmqServer | PostgresServer, certificate: Certificate): Promise<void> {
  const show = async ({ cert, key }: Certificate) => {
    writeFileSync(path.join(server.dir, 'tls-cert.pem'), cert);
    writeFileSync(path.join(server.dir, 'tls-key.pem'), key);
    if ('eval' in server) return void (await server.eval('ssl:clear_pem_cache()'));
    const loadedAt = async () => (await server.query('select pg_conf_load_time() as at'))[0].at.getTime();
    const before = await loadedAt();
    await server.query('select pg_reload_conf()');
    await eventually(async () => (await loadedAt()) > before);
  };
  onEnd(() => show(good));
  await show(certificate);
}

interface TestTransport {
  transport: LoghiveTransport;
  warnings: LoghiveError[];
  connected: () => boolean;
}

function useTransport(options: object): TestTransport {
  const transport = new LoghiveTransport({ service: uniqueName('svc'), exitTimeoutMs: 0, ...options });
  onEnd(() => transport.close());
  const warnings: LoghiveError[] = [];
  let connected = false;
  transport.on('warning', (error) => warnings.push(error));
  transport.on('connect', () => {
    connected = true;
  });
  return { transport, warnings, connected: () => connected };
}

async function brokerRefusal(options: object): Promise<string> {
  const { warnings, connected } = useTransport(options);
  await eventually(() => warnings.length > 0);
  expect(connected()).toBe(false);
  expect(warnings[0]).toBeInstanceOf(LoghiveError);
  expect(warnings[0]!.code).toBe('LOGHIVE_BROKER_TLS');
  const retryHint = ' Loghive tries again, at least every 30 s.';
  expect(warnings[0]!.message).toMatch(/^amqps:\/\/guest:\*\*\*@[^\n]*$/);
  expect(warnings[0]!.message.endsWith(retryHint)).toBe(true);
  return warnings[0]!.message.slice(0, -retryHint.length);
}

function databaseUrl(parameters: string): string {
  return `${postgres.url.replace(/\/postgres$/, '/postgres')}?${parameters}`;
}

async function databaseRefusal(parameters: string): Promise<string> {
  const error = await migrateDatabase({ databaseUrl: databaseUrl(parameters) }).catch((thrown) => thrown);
  expect(error).toBeInstanceOf(LoghiveError);
  expect(error.code).toBe('LOGHIVE_STORAGE_TLS');
  expect(error.message).toMatch(/^PostgreSQL cannot store records: 127\.0\.0\.1:\d+ was reached, but [^\n]*$/);
  expect(error.message).not.toContain(new URL(postgres.url).password);
  return error.message;
}

test('records travel by TLS to both servers, which have certificates of a private authority', async () => {
  const service = uniqueName('svc');
  const url = rabbitmq.tlsUrl!;
  const consumer = await startConsumer([service], {
    url,
    tls: { ca: ca.cert },
    databaseUrl: databaseUrl(`sslmode=verify-full&sslrootcert=${files.ca}`),
  });
  onEnd(() => consumer.stop());
  const transport = new LoghiveTransport({ service, url, tls: { ca: Buffer.from(ca.cert) } });
  const logger = winston.createLogger({ transports: [transport] });
  for (let n = 0; n < 100; n++) logger.info(`record ${n}`, { n });
  await transport.flush();
  const stored = () => postgres.query('select count(*)::int as n from logs.records where service = $1', [service]);
  await eventually(async () => (await stored())[0].n === 100);

  const connections = await rabbitmq.listConnections();
  expect(connections.length).toBeGreaterThanOrEqual(3);
  expect(connections.every(({ ssl }) => ssl)).toBe(true);
  const sessions = await postgres.query(
    "select ssl from pg_stat_ssl join pg_stat_activity using (pid) where application_name = 'loghive'",
  );
  expect(sessions.length).toBeGreaterThanOrEqual(1);
  expect(sessions.every(({ ssl }) => ssl)).toBe(true);
  await transport.close();
});

test('after process.exit(), records travel by TLS with the same certificates, to the first host of the list that answers', async () => {
  const service = uniqueName('svc');
  const settings = {
    ...{ service, queueType: 'classic', spool: false },
    url: `amqps://guest:guest@127.0.0.1:${await freePort()},127.0.0.1:${strict.tlsPort}/`,
    tls: { ca: ca.cert, cert: client.cert, key: client.key },
  };
  const program = path.join(import.meta.dirname, 'exiting.mjs');
  const child = useChild(program, { env: { SETTINGS: JSON.stringify(settings) } });
  expect([await child.exited, child.stderr]).toEqual([{ code: 3, signal: null }, []]);
  expect(await takeRecords(strict.url, `${service}_info_logs`)).toHaveLength(12);
});

describe('RabbitMQ', () => {
  const plainUrl = () => rabbitmq.tlsUrl!.replace('amqps:', 'amqp:');

  test.each([
    ['amqps:// and a name', () => ({ url: rabbitmq.tlsUrl!.replace('127.0.0.1', 'localhost'), tls: { ca: ca.cert } })],
    ['amqps:// and an address', () => ({ url: rabbitmq.tlsUrl, tls: { ca: ca.cert } })],
    ['a list of authorities', () => ({ url: rabbitmq.tlsUrl, tls: { ca: [otherCa.cert, ca.cert] } })],
    ['amqp:// and the option tls', () => ({ url: plainUrl(), tls: { ca: ca.cert } })],
  ])('is reached by %s', async (_how, options) => {
    const { transport, warnings, connected } = useTransport(options());
    await eventually(connected);
    expect(transport.status().connection.state).toBe('ready');
    expect(warnings).toEqual([]);
  });

  test('is refused if an unknown authority has signed its certificate', async () => {
    expect(await brokerRefusal({ url: rabbitmq.tlsUrl })).toMatch(
      /its certificate was signed by an unknown authority \(\w+\)\. Pass that authority's certificate in the option tls: \{ ca \}\.$/,
    );
  });

  test('is refused if another authority has signed its certificate', async () => {
    expect(await brokerRefusal({ url: rabbitmq.tlsUrl, tls: { ca: otherCa.cert } })).toMatch(
      /signed by an unknown authority/,
    );
  });

  test('is refused if its certificate has expired', async () => {
    await showCertificate(rabbitmq, expired);
    expect(await brokerRefusal({ url: rabbitmq.tlsUrl, tls: { ca: ca.cert } })).toMatch(
      /its certificate has expired \(CERT_HAS_EXPIRED\)\. Renew it on the server\.$/,
    );
  });

  test('is refused if its certificate is for another name, unless that name is the option servername', async () => {
    await showCertificate(rabbitmq, misnamed);
    for (const url of [rabbitmq.tlsUrl!, rabbitmq.tlsUrl!.replace('127.0.0.1', 'localhost')]) {
      expect(await brokerRefusal({ url, tls: { ca: ca.cert } })).toMatch(
        /its certificate is for another host name: it is valid for DNS:elsewhere\.example, not for (127\.0\.0\.1|localhost)\. Connect with a name from the certificate\.$/,
      );
    }
    const { connected } = useTransport({
      url: rabbitmq.tlsUrl,
      tls: { ca: ca.cert, servername: 'elsewhere.example' },
    });
    await eventually(connected);
  });

  test('is reported to need amqps:// if the URL has amqp://', async () => {
    const { warnings } = useTransport({ url: plainUrl() });
    await eventually(() => warnings.length > 0);
    expect(warnings[0]!.code).toBe('LOGHIVE_BROKER_UNREACHABLE');
    expect(warnings[0]!.message).toMatch(/amqps:\/\//);
  });

  test('is reached with the client certificate that it requires', async () => {
    const tls = { ca: ca.cert, cert: client.cert, key: client.key };
    const { connected, warnings } = useTransport({ url: strict.tlsUrl, tls });
    await eventually(connected);
    expect(warnings).toEqual([]);
  });

  test.each([
    ['none', {}],
    ['one of another authority', otherCa.issue()],
    ['an expired one', ca.issue({ expired: true })],
  ])('is reported to require a trusted certificate, not %s', async (_what, { cert, key }: Partial<Certificate>) => {
    const tls = { ca: ca.cert, ...(cert && key ? { cert, key } : {}) };
    expect(await brokerRefusal({ url: strict.tlsUrl, tls })).toMatch(
      /it requires a client certificate, or does not accept this one \(\w+\)\. Pass a trusted one in tls: \{ cert, key \}\.$/,
    );
  });

  test('is named in the status of a consumer, which keeps trying, if its certificate is not trusted', async () => {
    const consumer = createConsumer([uniqueName('svc')], { url: rabbitmq.tlsUrl!, databaseUrl: postgres.url });
    onEnd(() => consumer.stop());
    const started = consumer.start();
    await eventually(() => consumer.status().broker.lastError?.includes('unknown authority') ?? false);
    expect(consumer.status().health).toBe('unhealthy');
    await consumer.stop();
    await started;
  });
});

describe('PostgreSQL', () => {
  test.each(['require', 'verify-ca', 'verify-full'])('is reached with sslmode=%s', async (mode) => {
    const schema = uniqueName('s');
    const url = databaseUrl(`sslmode=${mode}&sslrootcert=${files.ca}`);
    expect(await migrateDatabase({ databaseUrl: url, schema })).not.toEqual([]);
  });

  test('is reached with a client certificate', async () => {
    const url = databaseUrl(`sslmode=verify-full&sslrootcert=${files.ca}&sslcert=${files.cert}&sslkey=${files.key}`);
    await migrateDatabase({ databaseUrl: url, schema: uniqueName('s') });
  });

  test('is refused if another authority has signed its certificate', async () => {
    const words = /signed by an unknown authority \(\w+\)\. Pass that authority's certificate in sslrootcert\.$/;
    expect(await databaseRefusal(`sslmode=verify-full&sslrootcert=${files.otherCa}`)).toMatch(words);
    expect(await databaseRefusal('sslmode=verify-full')).toMatch(words);
    // As in libpq, sslrootcert makes `require` verify the authority.
    expect(await databaseRefusal(`sslmode=require&sslrootcert=${files.otherCa}`)).toMatch(words);
  });

  test('is refused if its certificate has expired', async () => {
    await showCertificate(postgres, expired);
    expect(await databaseRefusal(`sslmode=verify-full&sslrootcert=${files.ca}`)).toMatch(
      /its certificate has expired \(CERT_HAS_EXPIRED\)\. Renew it on the server\.$/,
    );
  });

  test('is refused if its certificate is for another name, but only if sslmode compares names', async () => {
    await showCertificate(postgres, misnamed);
    expect(await databaseRefusal(`sslmode=verify-full&sslrootcert=${files.ca}`)).toMatch(
      /its certificate is for another host name: it is valid for DNS:elsewhere\.example, not for 127\.0\.0\.1\. Connect with a name/,
    );
    const url = databaseUrl(`sslmode=verify-ca&sslrootcert=${files.ca}`);
    await migrateDatabase({ databaseUrl: url, schema: uniqueName('s') });
  });

  test('makes startConsumer() reject if its certificate is refused', async () => {
    const start = startConsumer([uniqueName('svc')], {
      url: rabbitmq.url,
      databaseUrl: databaseUrl(`sslmode=verify-full&sslrootcert=${files.otherCa}`),
    });
    await expect(start).rejects.toMatchObject({ code: 'LOGHIVE_STORAGE_TLS' });
  });

  test.each([
    ['sslrootcert', (file: string) => `sslrootcert=${file}`],
    ['sslcert', (file: string) => `sslrootcert=${files.ca}&sslcert=${file}&sslkey=${files.key}`],
  ])('is not contacted if the file in %s cannot be read, which the error names', async (name, parameters) => {
    const missing = migrateDatabase({ databaseUrl: databaseUrl(`sslmode=verify-full&${parameters('/no/such.pem')}`) });
    await expect(missing).rejects.toMatchObject({ code: 'LOGHIVE_INVALID_OPTION' });
    await expect(missing).rejects.toThrow(new RegExp(`${name} "/no/such.pem" cannot be read: ENOENT`));
  });
});
