/** What `loghive doctor` says about settings, the spool of this machine, the mail server and the webhook. */
import { chownSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test, vi } from 'vitest';
import { filesIn, line, range, usePublishers } from '../../publisher/spool/use-publishers.js';
import { useEnvironment } from '../../support/use-environment.js';
import { type MailServer, useMailServer, useWebhookServer } from '../../support/use-mail-server.js';
import { onEnd, useProxy } from '../../support/use-servers.js';
import { detailOf, examined } from './examine.js';

// Each examines several servers, some of which do not answer.
vi.setConfig({ testTimeout: 60_000 });

/** No broker and no database: what is examined here needs neither. */
const NOWHERE = { url: 'amqp://127.0.0.1:1/', databaseUrl: 'postgres://u@127.0.0.1:1/x' };
const BEYOND = /^TCP: nothing listens at 127\.0\.0\.1:1 /;

async function faultsOf(given: Parameters<typeof examined>[0] = {}): Promise<string[]> {
  const { faults } = await examined({ ...NOWHERE, ...given });
  return faults.filter((fault) => !BEYOND.test(fault));
}

test('each setting is shown with its origin, and no secret', async () => {
  const { folder } = useEnvironment(
    { QUEUE_HOST: '127.0.0.1', QUEUE_PORT: '1', QUEUE_PASSWORD: 'queue-secret', EMAIL_SENDER_PASSWORD: 'mail-secret' },
    'QUEUE_MAX_SIZE=5000\nPOSTGRES_DB_HOST=127.0.0.1\nPOSTGRES_DB_PORT=1\nPOSTGRES_DB_PASSWORD=db-secret\n',
  );
  const result = await examined({ url: undefined, schema: 'app_logs', services: ['shop', 'till'] });
  const file = path.join(folder, 'config.env');
  expect(
    result.findings.filter(({ section }) => section === 'Settings').map(({ step, detail }) => [step, detail]),
  ).toEqual([
    [
      'broker',
      'amqp://guest:***@127.0.0.1:1/ (environment variable QUEUE_HOST, environment variable QUEUE_PORT, environment variable QUEUE_PASSWORD)',
    ],
    [
      'database',
      `postgres://postgres:***@127.0.0.1:1/postgres (POSTGRES_DB_HOST in ${file}, POSTGRES_DB_PORT in ${file}, POSTGRES_DB_PASSWORD in ${file})`,
    ],
    ['schema', 'app_logs (option --schema)'],
    ['services', 'shop, till (arguments)'],
    ['spool', expect.stringMatching(/loghive-\w+ \(default\)$/)],
    ['setting', 'EMAIL_SENDER_PASSWORD = *** (environment)'],
    ['setting', `QUEUE_MAX_SIZE = 5000 (${file})`],
  ]);
  expect(JSON.stringify(result.findings)).not.toContain('secret');
});

test('a wrong value in the environment is a fault, and the rest is examined all the same', async () => {
  useEnvironment({
    LOGHIVE_URL: 'http://u:secret@h',
    LOGHIVE_DATABASE_URL: 'mysql://u:secret@h/db',
    RETRY_DELAYS_MS: 'soon',
  });
  const { faults, findings } = await examined({ services: [] });
  expect(faults).toEqual([
    expect.stringMatching(
      /^broker: environment variable LOGHIVE_URL is "http:\/\/u:\*\*\*@h", expected a URL .* → Correct it/,
    ),
    expect.stringMatching(
      /^database: environment variable LOGHIVE_DATABASE_URL: database URL "mysql:\/\/u:\*\*\*@h\/db"/,
    ),
  ]);
  expect(findings.map(({ section }) => section)).toContain('Spool on this machine');
  expect(JSON.stringify(findings)).not.toContain('secret');
});

test('without a database, only what a producer needs is examined', async () => {
  useEnvironment({ LOGHIVE_SERVICE: 'shop' });
  const result = await examined({ url: NOWHERE.url, services: [] });
  expect(result.faults).toEqual([expect.stringMatching(BEYOND)]);
  expect(detailOf(result, 'database')).toMatch(/^none is set, so only what a producer needs is examined/);
  expect(detailOf(result, 'services')).toBe('shop (environment variable LOGHIVE_SERVICE)');
  expect(new Set(result.findings.map(({ section }) => section))).not.toContain('PostgreSQL');
});

test('a spool folder that is not a folder, or belongs to somebody else, and one that does not exist', async () => {
  const { folder } = useEnvironment();
  const file = path.join(folder, 'spool');
  writeFileSync(file, '');
  expect(await faultsOf({ spoolDir: file })).toEqual([
    `folder: ${file} is not a folder → Set LOGHIVE_SPOOL_DIR to a folder of the user that the application runs as.`,
  ]);
  expect(await faultsOf({ spoolDir: path.join(folder, 'later') })).toEqual([]);
  // A folder of another user, as root can make one; for others, one that is open to all.
  const own = path.join(folder, 'mixed', 'shop-5d41402a');
  mkdirSync(own, { recursive: true, mode: 0o777 });
  if (process.getuid?.() === 0) chownSync(own, 12_345, 12_345);
  expect(await faultsOf({ spoolDir: path.dirname(own) })).toEqual([
    expect.stringMatching(
      /^leftovers: .*shop-5d41402a (belongs to another user|can be written to by other users).* → Set LOGHIVE/,
    ),
  ]);
});

test('records that processes have left on disk', async () => {
  const { open, proxy, service, dir } = await usePublishers();
  await proxy.refuse();
  const publisher = open();
  for (const number of range(3)) publisher.accept(service, 'ERROR', line(number));
  await publisher.close(0);
  expect(filesIn(dir)).not.toEqual([]);
  expect(await faultsOf({ spoolDir: dir })).toEqual([
    `leftovers: 3 records of ${service} left by processes that have ended → Start the service again, which sends them, or run loghive spool replay --dir ${dir}`,
  ]);
});

const mailEnvironment = ({ settings }: MailServer, changes: Record<string, string> = {}) => ({
  ENABLE_EMAIL_MONITORING: 'True',
  EMAIL_HOST: settings.host,
  EMAIL_PORT: String(settings.port),
  EMAIL_SENDER_EMAIL: settings.sender,
  EMAIL_SENDER_PASSWORD: settings.password!,
  EMAIL_CA_FILE: settings.caFile!,
  ...changes,
});

test('the login at the mail server is tried, without sending a mail', async () => {
  const mail = await useMailServer();
  useEnvironment(mailEnvironment(mail));
  const result = await examined(NOWHERE);
  expect(result.findings).toContainEqual(
    expect.objectContaining({ section: `Mail server at localhost:${mail.port}`, step: 'login', state: 'ok' }),
  );
  expect(mail.mails).toEqual([]);
});

test('a wrong password, an unknown authority, no TLS, and no mail server', async () => {
  const mail = await useMailServer();
  const withChanges = (changes: Record<string, string>) => {
    useEnvironment(mailEnvironment(mail, changes));
    return faultsOf();
  };
  const [password = ''] = await withChanges({ EMAIL_SENDER_PASSWORD: 'wrong-secret' });
  expect(password).toMatch(
    /^login: localhost:\d+ refuses the login of alerts@example\.test: it answered "535 .* → Correct EMAIL_USER/,
  );
  expect(password).not.toContain('wrong-secret');
  expect(await withChanges({ EMAIL_CA_FILE: '' })).toEqual([
    expect.stringMatching(/^login: .* could not be encrypted: .*certificate.* → For a private CA set EMAIL_CA_FILE/),
  ]);
  expect(await withChanges({ EMAIL_TLS: 'tls' })).toEqual([
    expect.stringMatching(/^login: .* could not be encrypted: .* → Port 465 uses TLS from the start/),
  ]);
  await mail.stop();
  expect(await withChanges({})).toEqual([expect.stringMatching(/^TCP: nothing listens at localhost:\d+/)]);
});

test('a mail server that does not answer is named, within some seconds', async () => {
  const mail = await useMailServer();
  const proxy = await useProxy(`smtp://127.0.0.1:${mail.port}`);
  onEnd(() => proxy.stop());
  proxy.halfOpen();
  useEnvironment(mailEnvironment(mail, { EMAIL_HOST: '127.0.0.1', EMAIL_PORT: String(proxy.port) }));
  expect(await faultsOf()).toEqual([
    expect.stringMatching(
      /^login: no mail could be sent through 127\.0\.0\.1:\d+: .* → Check EMAIL_HOST and EMAIL_PORT\.$/,
    ),
  ]);
});

test('a webhook that can be reached, whose address stays secret', async () => {
  const webhook = await useWebhookServer();
  useEnvironment({ ALERT_WEBHOOK_URL: webhook.url });
  const result = await examined(NOWHERE);
  expect(
    result.findings.filter(({ section }) => section === 'Webhook').map(({ step, state }) => [step, state]),
  ).toEqual([
    ['TCP', 'ok'],
    ['not tried', 'note'],
  ]);
  expect(webhook.requests).toEqual([]);
  expect(JSON.stringify(result.findings)).not.toContain('x9-secret');
});
