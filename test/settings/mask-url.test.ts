import { expect, test } from 'vitest';
import { maskUrl } from '../../src/settings/mask-url.js';

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
  ['postgres://h/db?sslmode=require&sslpassword=secret', 'postgres://h/db?sslmode=require&sslpassword=***'],
])('%j is shown without its secret', (url, masked) => {
  expect(maskUrl(url)).toBe(masked);
  expect(maskUrl(url)).not.toMatch(/se.{0,2}cr.?et/);
});

test.each(['amqp://host:5672/vhost', 'amqp://user@host', 'amqp://[::1]:5672', 'amqp://one:1,two:2', 'shop', ''])(
  '%j holds no secret and stays as it is',
  (url) => {
    expect(maskUrl(url)).toBe(url);
  },
);
