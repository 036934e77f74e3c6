import { expect, test } from 'vitest';
import { maskedBroker, parseBrokerUrl, shownUrl } from '../../src/settings/broker-url.js';
import { Expected } from '../../src/settings/option.js';

const guest = { protocol: 'amqp', hostname: 'h', port: 5672, username: 'guest', password: 'guest', vhost: '/' };

test.each<[string, object]>([
  ['amqp://h', guest],
  ['amqp://h/', guest],
  ['amqp://h/%2F', guest],
  ['AMQP://h:5673', { ...guest, port: 5673 }],
  ['amqps://h', { ...guest, protocol: 'amqps', port: 5671 }],
  ['amqp://u:p@h/v', { ...guest, username: 'u', password: 'p', vhost: 'v' }],
  ['amqp://u@h', { ...guest, username: 'u', password: '' }],
  [
    'amqp://us%40er:p%3A%2F%40%23%3F%25%20ss@h/a%2Fb%20c',
    { ...guest, username: 'us@er', password: 'p:/@#?% ss', vhost: 'a/b c' },
  ],
  ['amqp://[::1]:5673/v', { ...guest, hostname: '::1', port: 5673, vhost: 'v' }],
  ['amqp://10.0.0.1', { ...guest, hostname: '10.0.0.1' }],
  [' amqp://h\n', guest],
  ['amqp://h/v?heartbeat=30', { ...guest, vhost: 'v' }],
])('%j is parsed', (url, host) => {
  expect(parseBrokerUrl(url)).toEqual([host]);
});

test('hosts in one URL share everything but name and port', () => {
  const one = { ...guest, username: 'u', password: 'p,q', vhost: 'v' };
  expect(parseBrokerUrl('amqp://u:p,q@one:1, two,[::1]:3/v')).toEqual([
    { ...one, hostname: 'one', port: 1 },
    { ...one, hostname: 'two', port: 5672 },
    { ...one, hostname: '::1', port: 3 },
  ]);
});

test.each(['amqp://u:p@ss@one,two', 'amqp://u:p%40ss@one,two', ' amqp://u:p@ss@one, two'])(
  'the password of %j is the same for each host',
  (url) => {
    expect(parseBrokerUrl(url)).toMatchObject([
      { hostname: 'one', username: 'u', password: 'p@ss' },
      { hostname: 'two', username: 'u', password: 'p@ss' },
    ]);
  },
);

test('complete URLs in a list each have their own settings', () => {
  expect(parseBrokerUrl('amqp://u:p@one/v, amqps://two')).toEqual([
    { ...guest, hostname: 'one', username: 'u', password: 'p', vhost: 'v' },
    { ...guest, hostname: 'two', protocol: 'amqps', port: 5671 },
  ]);
});

test.each<[unknown, RegExp]>([
  ['', /a URL such as/],
  [undefined, /a URL such as/],
  [7, /a URL such as/],
  [new URL('amqp://u:secret@h'), /a URL such as/],
  ['localhost', /a URL such as/],
  ['h:5672', /begins with 'amqp:\/\/'/],
  ['http://h', /begins with 'amqp:\/\/' or 'amqps:\/\/'/],
  ['amqp://', /host is missing/],
  ['amqp://u:p@/v', /a URL such as/],
  ['amqp://one,', /host is missing/],
  ['amqp://h:port', /a URL such as/],
  ['amqp://h:0', /port from 1 to 65535/],
  ['amqp://h:65536', /a URL such as/],
  ['amqp://u:se/cret@h', /percent-encoded/],
  ['amqp://u:p@se/c:ret@h', /'@' in a password or vhost is written %40/],
  ['amqp://u:12/secret@h', /%40/],
  ['amqp://u:1#secret@h', /'#' in a password is written %3F or %23/],
  ['amqp://u:12?secret@h', /'\?' or '#' in a password/],
  ['amqp://h//', /the vhost "\/" is written '\/' or '\/%2F', not '\/\/'/],
  ['amqp://::1', /an IPv6 address in brackets/],
  ['amqp://u:p@::1:5672/v', /an IPv6 address in brackets/],
  ['amqp://u:p@2001:db8::7,::1/v', /an IPv6 address in brackets/],
  ['amqp://[fe80::1%eth0]:5672/v', /an IPv6 address without a zone/],
  ['amqp:///var/run/rabbitmq', /does not accept connections over Unix sockets/],
  ['amqp://%2Fvar%2Frun%2Frabbitmq/v', /does not accept connections over Unix sockets/],
  ['amqp://h/a/b', /%2F/],
  [`amqp://h/${'v'.repeat(256)}`, /at most 255 bytes/],
  ['amqp://u:100%secret@h', /%25/],
  ['amqp://u:p@one,u:secret@two', /has one login/],
  ['amqp://u:p/ss@one,two:secret', /a URL such as/],
])('%s is refused with what was expected, without the password', (url, words) => {
  const refused = () => parseBrokerUrl(url);
  expect(refused).toThrow(Expected);
  expect(refused).toThrow(words);
  expect(refused).not.toThrow(/secret|cret@/);
});

test('a host is shown with user and vhost, without the password', () => {
  const [host] = parseBrokerUrl('amqps://us%40er:secret@[::1]/a%2Fb');
  expect(maskedBroker(host!)).toBe('amqps://us%40er:***@[::1]:5671/a%2Fb');
});

test.each<[unknown, string]>([
  ['amqp:/u:secret@h', '"amqp:***@h"'],
  [new URL('amqp://u:secret@h'), 'an object'],
  [['amqp://u:secret@h'], 'an array'],
  [{ password: 'secret' }, 'an object'],
  [5672, 'a number'],
])('a value that is not a broker URL is shown without anything that may be a secret', (value, text) => {
  expect(shownUrl(value)).toBe(text);
});
