import { execFileSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { welcome } from '../../../cli/dev/welcome.js';

const of = (brokerUrl: string | undefined) =>
  welcome({ brokerUrl, service: 'till', servers: ['your RabbitMQ'], psql: 'psql x', timeZone: 'UTC' });

test.each([
  'amqp://127.0.0.1:5672',
  "amqp://u:***@h/it's",
  'amqp://h/a&b;c d$e`f"g',
  'amqp://h/a\\b',
  'amqp://[::1]/*',
])('the code to paste contains the URL %j, quoted for JavaScript and for a shell', (url) => {
  const text = of(url);
  const [, literal = ''] = /const options = { service: 'till', url: (.*) };/.exec(text) ?? [];
  expect(new Function(`return ${literal}`)()).toBe(url);
  const [, variables = ''] = /^ {2}(LOGHIVE_SERVICE=.*) \\\n {2}node --import/m.exec(text) ?? [];
  const shown = execFileSync('sh', ['-c', `${variables} printenv LOGHIVE_URL`], { encoding: 'utf8' });
  expect(shown).toBe(`${url}\n`);
});

test('the URL is not repeated if it comes from LOGHIVE_URL', () => {
  expect(of(undefined)).toContain("const options = { service: 'till' };");
  expect(of(undefined)).toContain('LOGHIVE_SERVICE=till \\\n  node --import');
});

test('no line is wider than 80 columns with default values', () => {
  const psql = 'psql "postgres://loghive@127.0.0.1:10432/loghive?passfile=/app/pgpass"';
  const text = welcome({
    brokerUrl: 'amqp://127.0.0.1:5672',
    service: 'till',
    servers: [],
    psql,
    timeZone: 'UTC+02:00',
  });
  expect(text.split('\n').filter((line) => line.length > 80)).toEqual([]);
});

test('the time zone is shown', () => {
  expect(of(undefined)).toContain('with local times (UTC)');
});

test('records are not announced if none are shown', () => {
  const text = welcome({ brokerUrl: undefined, service: 'till', servers: [], psql: 'psql x', timeZone: undefined });
  expect(text).not.toMatch(/appear below|local times/);
});
