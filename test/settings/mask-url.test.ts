import { expect, test } from 'vitest';
import { maskUrl, maskUrlsIn, mayHoldPassword } from '../../src/settings/mask-url.js';

test.each([
  ['amqp://user:secret@host:5672/vhost', 'amqp://user:***@host:5672/vhost'],
  ['amqps://user:secret@host', 'amqps://user:***@host'],
  ['amqp://user:se:cr/et@host', 'amqp://user:***@host'],
  ['amqp://user:se@cr#et@host', 'amqp://user:***@host'],
  ['amqp://user:se\ncret@host', 'amqp://user:***@host'],
  ['amqp://user://secret@host', 'amqp://user:***@host'],
  ['amqp://one:5672,amqp://user:secret@two', 'amqp://one:***@two'],
  ['amqp://user:secret@one:1,two:2/vhost', 'amqp://user:***@one:1,two:2/vhost'],
  ['user:secret@host', 'user:***@host'],
  ['user:se:cret@host', 'user:***@host'],
  ['amqp:/user:secret@host', 'amqp:***@host'],
  ['amqp:user:secret@host', 'amqp:***@host'],
  ['amqp://user:secret', 'amqp://user:***'],
  ['amqp://user:secret/vhost', 'amqp://user:***'],
  ['postgres://h/db?password=se&cret', 'postgres://h/db?password=***'],
  ['postgres://h/db?password=se&cret&sslmode=require', 'postgres://h/db?password=***&sslmode=require'],
  // Several hosts, several whole URLs, an '@' in the password, raw or encoded.
  ['amqp://user:secret@one,two', 'amqp://user:***@one,two'],
  ['amqp://user:se@cret@one,two', 'amqp://user:***@one,two'],
  ['amqp://user:se%40cret@one,two', 'amqp://user:***@one,two'],
  ['amqp://user:secret%40one', 'amqp://user:***'],
  ['amqp://user:secret@one,amqp://user:secret@two', 'amqp://user:***@two'],
  ['amqp://user:secret@one,amqp://user:secret', 'amqp://user:***@one,amqp://user:***'],
  ['amqp://user:secret@one,user:secret', 'amqp://user:***@one,user:***'],
  ['amqp://user:p@one,user:secret@two/v', 'amqp://user:***@two/v'],
  ['amqp://one:5672,two:secret', 'amqp://one:5672,two:***'],
  ['amqp://user:p@ss:secret', 'amqp://user:***@ss:***'],
  // A login in one piece, in brackets, without a user.
  ['amqp://user%3Asecret@host', 'amqp://user:***@host'],
  ['amqp://[user:secret]@host', 'amqp://[user:***@host'],
  ['amqp://:secret@host', 'amqp://:***@host'],
  ['amqp://[::1]:1,amqp://user:secret@two', 'amqp://[:***@two'],
  // Typed into something else.
  ['--ulr=amqp://user:secret@host', '--ulr=amqp:***@host'],
  ['--ulr=amqp://user:secret', '--ulr=amqp://user:***'],
  ['jdbc:postgresql://h/db?password=secret', 'jdbc:postgresql://h/db?password=***'],
  ['postgres://postgres:secret@postgres://u:secret:5432/db', 'postgres://postgres:***@postgres://u:***'],
  // Parameters.
  ['postgres://h/db?PASSWORD=secret', 'postgres://h/db?PASSWORD=***'],
  ['postgres://h/db?pass%77ord=secret', 'postgres://h/db?pass%77ord=***'],
  ['postgres://h/db?password=se cret', 'postgres://h/db?password=***'],
  ['postgres://h/db?password=se&cret=1&port=5', 'postgres://h/db?password=***&port=5'],
  ['postgres://h/db?pwd=secret&user=u', 'postgres://h/db?pwd=***&user=u'],
  ['postgres://h/db?api_token=secret', 'postgres://h/db?api_token=***'],
  ['postgres://h/db?scram_client_key=secret', 'postgres://h/db?scram_client_key=***'],
  ['amqps://h?auth_mechanism=plain&password=secret', 'amqps://h?auth_mechanism=plain&password=***'],
  ["host=h password='it\\'s secret' user=u", 'host=h password=*** user=u'],
  ["host=h password = 'my secret", 'host=h password = ***'],
  ['host=h password=my\\ secret user=u', 'host=h password=*** user=u'],
  ["password=se'secret user=u", 'password=*** user=u'],
  ['PGPASSWORD=secret', 'PGPASSWORD=***'],
  ['postgres://h/db?sslmode=require&sslpassword=secret', 'postgres://h/db?sslmode=require&sslpassword=***'],
])('%j is shown without its secret', (url, masked) => {
  expect(maskUrl(url)).toBe(masked);
  expect(maskUrl(url)).not.toMatch(/se.{0,2}cr.?et/);
});

test.each([
  'amqp://host:5672/vhost',
  'amqp://user@host',
  'amqp://[::1]:5672',
  'amqp://[fe80::1%eth0]:5672/v',
  'amqp://one:1,two:2',
  'amqp://one:1/v,amqps://two:2',
  'postgres://loghive@127.0.0.1:10432/loghive?passfile=/home/me/.loghive/postgres/pgpass',
  'postgres://h/db?sslkey=/k.pem&sslmode=verify-full&options=-c%20search_path%3Da:b',
  'host=h sslkey=/k.pem passfile=/p',
  'shop',
  '',
])('%j contains no secret and stays unchanged', (url) => {
  expect(maskUrl(url)).toBe(url);
});

test('in a message of other software, only URLs are masked', () => {
  const sentence = (url: string) => `npm error: request to "${url}" failed: see https://docs.example.com:443/x and a@b`;
  expect(maskUrlsIn(sentence('https://me:se"cret@registry.example.com/x'))).toBe(
    sentence('https://me:***@registry.example.com/x'),
  );
  expect(maskUrlsIn(sentence('amqp://host:5672'))).toBe(sentence('amqp://host:5672'));
});

test.each([
  ['amqp://h', true],
  ['u:p@h', true],
  ['u:p%40h', true],
  ['password=x', true],
  ['sslpassword = x', true],
  ['My Schema', false],
  ['10:30', false],
  ['the password', false],
])('%j may be a URL or a part of one: %s', (text, may) => {
  expect(mayHoldPassword(text)).toBe(may);
});
