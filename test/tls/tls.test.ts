import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import winston from 'winston';
import { createConsumer, migrateDatabase, startConsumer } from '../../consumer/index.js';
import { LoghiveError } from '../../src/errors.js';
import { internalLogger } from '../../src/internal-logger.js';
import { LoghiveTransport } from '../../transports/winston.js';
import type { PostgresServer } from '../support/postgres.mjs';
import { startPostgres } from '../support/postgres.mjs';
import type { RabbitmqServer } from '../support/rabbitmq.mjs';
import { requireRabbitmq } from '../support/require-rabbitmq.mjs';
import { type Certificate, makeCa, writePem } from '../support/tls.mjs';
import { onEnd, uniqueName } from '../support/use-servers.js';
import { eventually } from '../support/wait.mjs';

const ca = makeCa();
const otherCa = makeCa({ cn: 'Another CA' });
const good = ca.issue();
const expired = ca.issue({ expired: true });
const misnamed = ca.issue({ cn: 'elsewhere.example', altNames: ['elsewhere.example'] });
const client = ca.issue({ cn: 'guest', altNames: ['client.example'] });
const files = writePem({ ca: ca.cert, otherCa: otherCa.cert, cert: client.cert, key: client.key });

let rabbitmq: RabbitmqServer;
/** Wants to see a certificate of each client. */
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

/** For one test the server shows another certificate. */
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

interface Told {
  transport: LoghiveTransport;
  warnings: LoghiveError[];
  connected: () => boolean;
}

function useTransport(options: object): Told {
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
  const goesOn = ' Loghive tries again, at least every 30 s.';
  expect(warnings[0]!.message).toMatch(/^amqps:\/\/guest:\*\*\*@[^\n]*$/);
  expect(warnings[0]!.message.endsWith(goesOn)).toBe(true);
  return warnings[0]!.message.slice(0, -goesOn.length);
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

test('records travel by TLS to both servers, whose certificates a private authority signed', async () => {
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

describe('RabbitMQ', () => {
  const plainUrl = () => rabbitmq.tlsUrl!.replace('amqps:', 'amqp:');

  test.each([
    ['amqps:// and a name', () => ({ url: rabbitmq.tlsUrl!.replace('127.0.0.1', 'localhost'), tls: { ca: ca.cert } })],
    ['amqps:// and an address', () => ({ url: rabbitmq.tlsUrl, tls: { ca: ca.cert } })],
    ['a list of authorities', () => ({ url: rabbitmq.tlsUrl, tls: { ca: [otherCa.cert, ca.cert] } })],
    ['amqp:// and the option tls', () => ({ url: plainUrl(), tls: { ca: ca.cert } })],
  ])('is connected to by %s', async (_how, options) => {
    const { transport, warnings, connected } = useTransport(options());
    await eventually(connected);
    expect(transport.status().connection.state).toBe('ready');
    expect(warnings).toEqual([]);
  });

  test('whose authority is unknown is refused', async () => {
    expect(await brokerRefusal({ url: rabbitmq.tlsUrl })).toMatch(
      /its certificate was signed by an unknown authority \(\w+\)\. Pass that authority's certificate in the option tls: \{ ca \}\.$/,
    );
  });

  test('whose authority is another one is refused', async () => {
    expect(await brokerRefusal({ url: rabbitmq.tlsUrl, tls: { ca: otherCa.cert } })).toMatch(
      /signed by an unknown authority/,
    );
  });

  test('whose certificate has expired is refused', async () => {
    await showCertificate(rabbitmq, expired);
    expect(await brokerRefusal({ url: rabbitmq.tlsUrl, tls: { ca: ca.cert } })).toMatch(
      /its certificate has expired \(CERT_HAS_EXPIRED\)\. Renew it on the server\.$/,
    );
  });

  test('whose certificate is for another name is refused, unless that name is asked for', async () => {
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

  test('that speaks TLS says so when it is asked without', async () => {
    const { warnings } = useTransport({ url: plainUrl() });
    await eventually(() => warnings.length > 0);
    expect(warnings[0]!.code).toBe('LOGHIVE_BROKER_UNREACHABLE');
    expect(warnings[0]!.message).toMatch(/amqps:\/\//);
  });

  test('that wants to see a certificate is shown one', async () => {
    const tls = { ca: ca.cert, cert: client.cert, key: client.key };
    const { connected, warnings } = useTransport({ url: strict.tlsUrl, tls });
    await eventually(connected);
    expect(warnings).toEqual([]);
  });

  test.each([
    ['none', {}],
    ['one of another authority', otherCa.issue()],
    ['an expired one', ca.issue({ expired: true })],
  ])('that wants to see a certificate and gets %s says so', async (_what, { cert, key }: Partial<Certificate>) => {
    const tls = { ca: ca.cert, ...(cert && key ? { cert, key } : {}) };
    expect(await brokerRefusal({ url: strict.tlsUrl, tls })).toMatch(
      /it requires a client certificate, or does not accept this one \(\w+\)\. Pass a trusted one in tls: \{ cert, key \}\.$/,
    );
  });

  test('whose certificate is not trusted is told by the status of a consumer, which goes on trying', async () => {
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
  test.each(['require', 'verify-ca', 'verify-full'])('is connected to by sslmode=%s', async (mode) => {
    const schema = uniqueName('s');
    const url = databaseUrl(`sslmode=${mode}&sslrootcert=${files.ca}`);
    expect(await migrateDatabase({ databaseUrl: url, schema })).not.toEqual([]);
  });

  test('is shown a client certificate', async () => {
    const url = databaseUrl(`sslmode=verify-full&sslrootcert=${files.ca}&sslcert=${files.cert}&sslkey=${files.key}`);
    await migrateDatabase({ databaseUrl: url, schema: uniqueName('s') });
  });

  test('whose authority is another one is refused', async () => {
    const words = /signed by an unknown authority \(\w+\)\. Pass that authority's certificate in sslrootcert\.$/;
    expect(await databaseRefusal(`sslmode=verify-full&sslrootcert=${files.otherCa}`)).toMatch(words);
    expect(await databaseRefusal('sslmode=verify-full')).toMatch(words);
    // As in libpq, an authority that is given is checked.
    expect(await databaseRefusal(`sslmode=require&sslrootcert=${files.otherCa}`)).toMatch(words);
  });

  test('whose certificate has expired is refused', async () => {
    await showCertificate(postgres, expired);
    expect(await databaseRefusal(`sslmode=verify-full&sslrootcert=${files.ca}`)).toMatch(
      /its certificate has expired \(CERT_HAS_EXPIRED\)\. Renew it on the server\.$/,
    );
  });

  test('whose certificate is for another name is refused where names are compared', async () => {
    await showCertificate(postgres, misnamed);
    expect(await databaseRefusal(`sslmode=verify-full&sslrootcert=${files.ca}`)).toMatch(
      /its certificate is for another host name: it is valid for DNS:elsewhere\.example, not for 127\.0\.0\.1\. Connect with a name/,
    );
    const url = databaseUrl(`sslmode=verify-ca&sslrootcert=${files.ca}`);
    await migrateDatabase({ databaseUrl: url, schema: uniqueName('s') });
  });

  test('whose certificate is refused ends a start in words', async () => {
    const start = startConsumer([uniqueName('svc')], {
      url: rabbitmq.url,
      databaseUrl: databaseUrl(`sslmode=verify-full&sslrootcert=${files.otherCa}`),
    });
    await expect(start).rejects.toMatchObject({ code: 'LOGHIVE_STORAGE_TLS' });
  });

  test.each([
    ['sslrootcert', (file: string) => `sslrootcert=${file}`],
    ['sslcert', (file: string) => `sslrootcert=${files.ca}&sslcert=${file}&sslkey=${files.key}`],
  ])('with a file in %s that cannot be used is told which', async (name, parameters) => {
    const missing = migrateDatabase({ databaseUrl: databaseUrl(`sslmode=verify-full&${parameters('/no/such.pem')}`) });
    await expect(missing).rejects.toMatchObject({ code: 'LOGHIVE_INVALID_OPTION' });
    await expect(missing).rejects.toThrow(new RegExp(`${name} "/no/such.pem" cannot be read: ENOENT`));
  });
});
