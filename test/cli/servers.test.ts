import http from 'node:http';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { describe, expect, inject, test } from 'vitest';
import { LoghiveTransport } from '../../transports/winston.js';
import type { Child } from '../support/child.mjs';
import { freePort } from '../support/ports.mjs';
import { administer } from '../support/postgres-admin.mjs';
import { onEnd, uniqueName, useBroker, useChild, useDatabase, useProxy } from '../support/use-servers.js';
import { eventually } from '../support/wait.mjs';

const program = new URL('../../dist/esm/cli/main.js', import.meta.url).pathname;
const broker = await useBroker();
const database = await useDatabase();
const at = new URL(database.url).host;
const brokerAt = new URL(broker.url).host;
const postgres = administer(inject('postgres'));

async function listen(server: net.Server): Promise<{ host: string; taken: () => number }> {
  const sockets: net.Socket[] = [];
  server.on('connection', (socket) => sockets.push(socket.on('error', () => {})));
  onEnd(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { host: `127.0.0.1:${(server.address() as net.AddressInfo).port}`, taken: () => sockets.length };
}

const blackHole = () => listen(net.createServer(() => {}));
const webServer = () => listen(http.createServer((_request, response) => response.end()));
const closing = () => listen(net.createServer((socket) => void socket.end()));

/** Format of all log lines; see src/internal-logger.ts. */
const LINE =
  /^(?:\[loghive\] \d{4}-\d\d-\d\dT[\d:.]+Z (?:DEBUG|INFO|WARNING|ERROR) |loghive: )?(?:[a-z"\d]|PostgreSQL|SIG)[^\n]*[^.][.]$/;

function loghive(args: string[], env: Record<string, string> = {}): Child {
  const child = useChild(program, { args, env, cwd: tmpdir() });
  onEnd(() => expect(child.lines.filter((line) => !LINE.test(line))).toEqual([]));
  return child;
}

async function useRole(): Promise<string> {
  const role = uniqueName('role');
  await postgres.query(`create role ${role} login password 'right'`);
  onEnd(() => postgres.query(`drop role ${role}`));
  return role;
}

describe('loghive migrate', () => {
  test('reports what it did', async () => {
    const own = await useDatabase();
    const first = loghive(['migrate', '--database-url', own.url]);
    expect(await first.exited).toEqual({ code: 0, signal: null });
    expect(first.stdout).toHaveLength(1);
    expect(first.stdout[0]).toMatch(/^applied 0001_\w+\.sql, .*\.sql\.$/);
    expect(first.stderr[0]).toContain(`migrating schema logs of ${own.url.replace(/:[^:@]*@/, ':***@')}.`);
    const second = loghive(['migrate', '--database-url', own.url]);
    expect(await second.exited).toEqual({ code: 0, signal: null });
    expect(second.lines).toEqual(['the schema is up to date.']);
  });

  test.each<[string, () => Promise<string>, RegExp]>([
    [
      'PostgreSQL does not run',
      async () => `postgres://u:secret@127.0.0.1:${await freePort()}/db`,
      /: nothing listens at 127\.0\.0\.1:\d+\. Start PostgreSQL there, or correct host and port\.$/,
    ],
    [
      'its name is not known',
      async () => 'postgres://u:secret@postgres.invalid/db',
      /: DNS does not resolve the host name of postgres\.invalid:5432/,
    ],
    [
      'it never answers',
      async () => `postgres://u:secret@${(await blackHole()).host}/db?connect_timeout=1`,
      /: 127\.0\.0\.1:\d+ did not answer in time\. Check the address and the firewall\.$/,
    ],
    [
      'something else listens',
      async () => `postgres://u:secret@${(await webServer()).host}/db`,
      /: 127\.0\.0\.1:\d+ closed the connection\. Check that PostgreSQL listens there, and check its log\.$/,
    ],
    [
      'RabbitMQ listens',
      async () => `postgres://u:secret@${brokerAt}/db`,
      /: 127\.0\.0\.1:\d+ closed the connection\. Check that PostgreSQL listens there/,
    ],
    [
      'the password is wrong',
      async () => `postgres://${await useRole()}:secret@${at}/${database.name}`,
      /: 127\.0\.0\.1:\d+ refuses the password of user role_\w+: .*28P01\)\. Correct it in the database URL\.$/,
    ],
    [
      'there is no such user',
      async () => `postgres://nobody:secret@${at}/${database.name}`,
      /refuses the password of user nobody/,
    ],
    [
      'no password is given',
      async () => `postgres://postgres@${at}/${database.name}`,
      /requires a password for user postgres, but none is set\. Set it in the database URL\.$/,
    ],
    [
      'there is no such database',
      async () => `postgres://${await useRole()}:right@${at}/nowhere`,
      /: there is no database nowhere on 127\.0\.0\.1:\d+: .*3D000\)\. Create it\.$/,
    ],
    [
      'it speaks no TLS',
      async () => `postgres://u:secret@${at}/${database.name}?sslmode=require`,
      /does not support TLS, but sslmode requires it\. Enable ssl on the server, or use sslmode=prefer\.$/,
    ],
  ])('exits with 1 and one line when %s', async (_what, url, words) => {
    const child = loghive(['migrate', '--database-url', await url()]);
    expect(await child.exited).toEqual({ code: 1, signal: null });
    expect(child.lines).toHaveLength(1);
    expect(child.lines[0]).toMatch(/^loghive: PostgreSQL cannot store records: /);
    expect(child.lines[0]).toMatch(words);
    expect(child.lines[0]).not.toMatch(/secret|:right@/);
  });

  test('exits with 1 and one line when the user may not create the schema', async () => {
    const child = loghive(['migrate', '--database-url', `postgres://${await useRole()}:right@${at}/${database.name}`]);
    expect(await child.exited).toEqual({ code: 1, signal: null });
    expect(child.lines.filter((line) => line.startsWith('loghive: '))).toHaveLength(1);
    expect(child.lines.at(-1)).toMatch(
      /^loghive: schema logs cannot be created: user role_\w+ lacks the CREATE privilege on database \w+: .*42501\)\. Run GRANT CREATE ON DATABASE .*\.$/,
    );
    expect(child.lines.join()).not.toContain(':right@');
  });
});

/** The default port may belong to a consumer of another test, which would be a warning. */
const ANY_PORT = ['--http-port', '0'];

describe('loghive consume', () => {
  const consume = (url: string, databaseUrl: string) =>
    loghive(['consume', uniqueName('svc'), '--url', url, '--database-url', databaseUrl, ...ANY_PORT]);

  async function endsBySigterm(child: Child): Promise<void> {
    const begun = performance.now();
    expect(await child.kill('SIGTERM')).toEqual({ code: 0, signal: null });
    expect(performance.now() - begun).toBeLessThan(10_000);
    expect(child.lines.join('\n')).not.toMatch(/secret|:right@/);
  }

  const warningsOf = (child: Child) => child.lines.filter((line) => line.includes(' WARNING '));

  test('keeps retrying while neither server works, with one line each', async () => {
    const [mq, pg] = [await closing(), await closing()];
    const child = consume(`amqp://u:secret@${mq.host}`, `postgres://u:secret@${pg.host}/db`);
    // Two connections to the broker, each retried repeatedly.
    await eventually(() => mq.taken() >= 6 && pg.taken() >= 4, { withinMs: 30_000 });
    const warnings = warningsOf(child);
    expect(warnings).toHaveLength(2);
    expect(warnings).toContainEqual(expect.stringMatching(/the connection was closed during the handshake/));
    expect(warnings).toContainEqual(
      expect.stringMatching(/storage is not available yet: PostgreSQL cannot store records: .* closed the connection/),
    );
    await endsBySigterm(child);
  }, 40_000);

  test('consumes messages as soon as both servers are up', async () => {
    const [mq, pg] = [await useProxy(broker.url), await useProxy(database.url)];
    await Promise.all([mq.refuse(), pg.refuse()]);
    const child = consume(mq.url(broker.url), pg.url(database.url));
    await child.waitForLine(/WARNING amqp:.*nothing listens there/, 20_000);
    await child.waitForLine(/WARNING storage is not available yet: .*nothing listens at/, 20_000);
    await Promise.all([mq.heal(), pg.heal()]);
    await child.waitForLine(/INFO connected to RabbitMQ [\d.]+ at 127\.0\.0\.1:\d+\.$/, 20_000);
    await child.waitForLine(/INFO consuming messages of svc_\w+\.$/, 20_000);
    await endsBySigterm(child);
  }, 60_000);

  test('without names consumes every service that announces itself', async () => {
    const [own, records] = await Promise.all([useBroker(), useDatabase()]);
    const child = loghive(['consume', '--url', own.url, '--database-url', records.url]);
    await child.waitForLine(
      /INFO consuming messages of every service that announces itself; none is known yet\.$/,
      20_000,
    );
    const service = uniqueName('svc');
    const transport = new LoghiveTransport({ service, url: own.url });
    onEnd(() => transport.close());
    await child.waitForLine(new RegExp(`INFO found service ${service}; consuming its messages\\.$`), 20_000);
    await endsBySigterm(child);
  }, 60_000);

  test.each<[string, () => Promise<string>, RegExp]>([
    ['speaks HTTP', async () => `amqp://u:secret@${(await webServer()).host}`, /does not speak AMQP 0-9-1/],
    ['speaks no TLS', async () => `amqps://u:secret@${brokerAt}`, /the port does not speak TLS/],
    ['refuses the password', async () => `amqp://guest:secret@${brokerAt}`, /refused user "guest" or the password/],
    ['does not know the vhost', async () => `amqp://guest:guest@${brokerAt}/no`, /refused the vhost "no": it does not/],
  ])('keeps retrying a broker that %s', async (_what, url, words) => {
    const child = consume(await url(), database.url);
    await child.waitForLine(words, 20_000);
    expect(warningsOf(child)).toHaveLength(1);
    await endsBySigterm(child);
  });

  test.each<[string, () => Promise<string>, RegExp]>([
    ['refuses the password', async () => `postgres://nobody:secret@${at}/db`, /refuses the password of user nobody/],
    ['has no such database', async () => database.url.replace(/\/[^/]*$/, '/nowhere'), /there is no database nowhere/],
  ])('keeps retrying a PostgreSQL that %s', async (_what, url, words) => {
    const child = consume(broker.url, await url());
    await child.waitForLine(words, 20_000);
    expect(warningsOf(child)).toHaveLength(1);
    await endsBySigterm(child);
  });

  test('exits with 1 and one line when the user may not create the schema', async () => {
    const own = await useDatabase();
    const child = consume(broker.url, `postgres://${await useRole()}:right@${at}/${own.name}`);
    expect(await child.exited).toEqual({ code: 1, signal: null });
    expect(child.lines.at(-1)).toMatch(
      /^loghive: schema logs cannot be created: user role_\w+ lacks the CREATE privilege on database \w+/,
    );
  });
});
