import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openSession } from '../../../consumer/store/connect.js';
import { parseDatabaseUrl } from '../../../consumer/store/database-url.js';
import type { StorageUnavailable } from '../../../consumer/store/index.js';
import { LoghiveError } from '../../../src/errors.js';
import { type PostgresServer, startPostgres } from '../../support/postgres.mjs';
import { makeCa, writePem } from '../../support/tls.mjs';
import { onEnd } from '../../support/use-servers.js';
import { item, storeOn, unavailable, write } from './database.js';

const authority = makeCa({ cn: 'Ours' });
const stranger = makeCa({ cn: 'Theirs' });
const client = authority.issue({ cn: 'postgres' });
const pem = writePem({ ca: authority.cert, otherCa: stranger.cert, cert: client.cert, key: client.key, junk: 'x' });

/** Which connections pg_hba.conf accepts. */
const HBA = `
hostssl   all tls_only    all scram-sha-256
hostnossl all tls_only    all reject
hostnossl all plain_only  all scram-sha-256
hostssl   all plain_only  all reject
hostssl   all by_cert     all cert map=cn
host      all all         all scram-sha-256`;

interface Servers {
  good: PostgresServer;
  otherName: PostgresServer;
  expired: PostgresServer;
  plain: PostgresServer;
}

let servers: Servers;

beforeAll(async () => {
  const withTls = (issued: { cert: string; key: string }) =>
    startPostgres({ tls: { ca: authority.cert, cert: issued.cert, key: issued.key }, hba: HBA });
  const [good, otherName, expired, plain] = await Promise.all([
    withTls(authority.issue()),
    withTls(authority.issue({ altNames: ['elsewhere.example'] })),
    withTls(authority.issue({ expired: true })),
    startPostgres({ hba: HBA }),
  ]);
  servers = { good, otherName, expired, plain };
  for (const role of ['tls_only', 'plain_only', 'by_cert']) {
    await good.query(`create role ${role} login password 'pw'`);
  }
});
afterAll(async () => {
  pem.remove();
  await Promise.all(Object.values(servers).map((server) => server.stop()));
});

function urlOf(server: PostgresServer, query: string, host = '127.0.0.1', login?: string): string {
  const { username, password, port } = new URL(server.url);
  return `postgres://${login ?? `${username}:${password}`}@${host}:${port}/postgres?${query}`;
}

/** Whether the connection is over TLS. */
async function overTls(url: string): Promise<boolean> {
  const settings = { schema: 'logs', connectTimeoutMs: 5000, answerTimeoutMs: 0 };
  const session = await openSession(parseDatabaseUrl(url), settings);
  onEnd(() => session.end());
  const { rows } = await session.query<{ ssl: boolean }>('select ssl from pg_stat_ssl where pid = pg_backend_pid()');
  return rows[0]!.ssl;
}

async function refusal(url: string): Promise<StorageUnavailable> {
  const error = await overTls(url).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(LoghiveError);
  return error as StorageUnavailable;
}

const ours = `sslrootcert=${encodeURIComponent(pem.ca)}`;
const theirs = `sslrootcert=${encodeURIComponent(pem.otherCa)}`;

describe('sslmode', () => {
  it.each<[keyof Servers, string, boolean]>([
    // A server with TLS.
    ['good', '', true],
    ['good', 'sslmode=disable', false],
    ['good', 'sslmode=allow', false],
    ['good', 'sslmode=prefer', true],
    ['good', 'sslmode=require', true],
    ['good', `sslmode=require&${ours}`, true],
    ['good', `sslmode=verify-ca&${ours}`, true],
    ['good', `sslmode=verify-full&${ours}`, true],
    ['good', `sslmode=prefer&${theirs}`, false],
    ['good', `sslmode=require&channel_binding=require`, true],
    // require does not verify the certificate, verify-ca not the name.
    ['expired', 'sslmode=require', true],
    ['otherName', 'sslmode=require', true],
    ['otherName', `sslmode=require&${ours}`, true],
    ['otherName', `sslmode=verify-ca&${ours}`, true],
    // A server without.
    ['plain', '', false],
    ['plain', 'sslmode=allow', false],
    ['plain', 'sslmode=prefer', false],
    ['plain', 'sslmode=disable', false],
  ])('with the %s server and "%s" gives TLS: %s', async (server, query, expected) => {
    expect(await overTls(urlOf(servers[server], query))).toBe(expected);
  });

  it('verify-full verifies the host name in the URL', async () => {
    expect(await overTls(urlOf(servers.good, `sslmode=verify-full&${ours}`, 'localhost'))).toBe(true);
  });

  it('uses direct TLS if the server supports it', async () => {
    const [{ version }] = await servers.good.query(`select current_setting('server_version_num')::int as version`);
    const url = urlOf(servers.good, `sslmode=verify-full&sslnegotiation=direct&${ours}`);
    if (version >= 170_000) expect(await overTls(url)).toBe(true);
    else expect((await refusal(url)).reason).toMatch(/TLS|connection/);
  });

  it.each<[string, keyof Servers, string, RegExp]>([
    ['an unknown authority', 'good', `sslmode=verify-full&${theirs}`, /unknown authority.*sslrootcert/],
    ['an unknown authority', 'good', `sslmode=verify-ca&${theirs}`, /unknown authority/],
    ['an unknown authority', 'good', `sslmode=require&${theirs}`, /unknown authority/],
    ['a private authority that is not given', 'good', 'sslmode=verify-full', /unknown authority/],
    ['a private authority that the system does not know', 'good', 'sslrootcert=system', /unknown authority/],
    ['a certificate that has expired', 'expired', `sslmode=verify-full&${ours}`, /has expired/],
    ['a certificate that has expired', 'expired', `sslmode=verify-ca&${ours}`, /has expired/],
    [
      'a certificate for another name',
      'otherName',
      `sslmode=verify-full&${ours}`,
      /another host name.*elsewhere\.example/,
    ],
  ])('%s is refused and named (%s, %s)', async (_, server, query, words) => {
    const error = await refusal(urlOf(servers[server], query));
    expect(error.code).toBe('LOGHIVE_STORAGE_TLS');
    expect(error.reason).toMatch(words);
    expect(error.reason).toContain(String(servers[server].port));
    expect(error.message).not.toContain(new URL(servers[server].url).password);
  });

  it('allow falls back to TLS if the server refuses a plain connection, and prefer vice versa', async () => {
    expect(await overTls(urlOf(servers.good, 'sslmode=allow', '127.0.0.1', 'tls_only:pw'))).toBe(true);
    expect(await overTls(urlOf(servers.good, 'sslmode=prefer', '127.0.0.1', 'plain_only:pw'))).toBe(false);
    const plain = await refusal(urlOf(servers.good, 'sslmode=disable', '127.0.0.1', 'tls_only:pw'));
    expect(plain.sqlstate).toBe('28000');
    const tls = await refusal(urlOf(servers.good, 'sslmode=require', '127.0.0.1', 'plain_only:pw'));
    expect(tls.sqlstate).toBe('28000');
  });

  it('channel_binding=require fails if the server does not support it', async () => {
    const error = await refusal(urlOf(servers.plain, 'channel_binding=require'));
    expect(error.reason).toMatch(/channel_binding=require/);
  });
});

describe('client certificates', () => {
  const shown = `sslcert=${encodeURIComponent(pem.cert)}&sslkey=${encodeURIComponent(pem.key)}`;

  it('are sent to the server', async () => {
    await expect(overTls(urlOf(servers.good, `sslmode=require&${shown}`))).resolves.toBe(true);
  });

  it.each([
    ['sslrootcert', 'sslmode=verify-full&sslrootcert=/no/such/file', /sslrootcert "\/no\/such\/file" cannot be read/],
    ['sslrootcert', `sslmode=verify-full&sslrootcert=${encodeURIComponent(pem.junk)}`, /is invalid/],
    ['sslcert', `sslcert=/no/such/file&sslkey=${encodeURIComponent(pem.key)}`, /sslcert .* cannot be read/],
    ['sslkey', `sslcert=${encodeURIComponent(pem.cert)}&sslkey=${encodeURIComponent(pem.junk)}`, /is invalid/],
  ])('that cannot be used are named: %s (%s)', async (_, query, words) => {
    const error = await refusal(urlOf(servers.good, query));
    expect(error.code).toBe('LOGHIVE_INVALID_OPTION');
    expect(error.message).toMatch(words);
  });

  it('that go missing pause a running store', async () => {
    const url = urlOf(servers.good, 'sslrootcert=/no/such/file');
    const store = storeOn(url);
    await expect(store.connect()).rejects.toMatchObject({ code: 'LOGHIVE_INVALID_OPTION' });
    expect((await unavailable(write(store, [item()]))).reason).toMatch(/cannot be read/);
  });
});

it('a store works over TLS, including duplicates and bad records', async () => {
  const store = storeOn(urlOf(servers.good, `sslmode=verify-full&${ours}`));
  await store.migrate();
  const items = Array.from({ length: 3000 }, () => item({ message: 'x'.repeat(500) }));
  expect(await write(store, items)).toMatchObject({ stored: 3000 });
  expect(await write(store, [...items, item(), item({ message: '\0' })])).toMatchObject({
    stored: 1,
    duplicates: 3000,
    rejected: [{ code: '22021' }],
  });
});
