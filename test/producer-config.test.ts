import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import { LoggerClient } from '../src/client.js';
import { LoghiveError } from '../src/errors.js';
import { internalLogger } from '../src/internal-logger.js';
import { type ProducerOptions, producerConfig } from '../src/producer-config.js';
import { makeCa } from './support/tls.mjs';
import { useEnvironment } from './support/use-environment.js';
import { onEnd, uniqueName } from './support/use-servers.js';

const ca = makeCa();
const issued = ca.issue();
const other = ca.issue();

function configOf(options: ProducerOptions = {}) {
  return producerConfig('LoghiveTransport', { service: 'shop', ...options });
}

function refusal(options: unknown): string {
  try {
    producerConfig('LoghiveTransport', options as ProducerOptions);
  } catch (error) {
    expect(error).toBeInstanceOf(LoghiveError);
    expect((error as LoghiveError).code).toBe('LOGHIVE_INVALID_OPTION');
    return (error as LoghiveError).message;
  }
  throw new Error('it was accepted');
}

test('only a service is required', () => {
  useEnvironment();
  const config = configOf();
  expect(config).toEqual({
    service: 'shop',
    enabled: true,
    maxRecordBytes: 1_048_576,
    base: [
      { name: 'hostname', value: os.hostname(), json: JSON.stringify(os.hostname()) },
      { name: 'pid', value: process.pid, json: `${process.pid}` },
    ],
    redact: undefined,
    lingerMs: 5,
    bufferBytes: 8_388_608,
    recordsPerMessage: Number.POSITIVE_INFINITY,
    exitTimeoutMs: 5000,
    handleSignals: true,
    spool: {
      dir: path.join(os.tmpdir(), `loghive-${process.getuid!()}`),
      maxBytes: 268_435_456,
      mode: 'overflow',
      fsync: false,
    },
    broker: {
      hosts: [
        { protocol: 'amqp', hostname: 'localhost', port: 5672, username: 'guest', password: 'guest', vhost: '/' },
      ],
      heartbeatS: 600,
      blockedTimeoutMs: 300_000,
      socketTimeoutMs: 10_000,
      tls: undefined,
    },
    queues: { type: 'quorum', maxLength: 1_000_000, maxBytes: 1_073_741_824, messageTtlMs: 604_800_000 },
  });
  expect([config, config.broker, config.queues].every(Object.isFrozen)).toBe(true);
});

test('a missing service is refused with how to name one', () => {
  useEnvironment();
  expect(refusal({})).toBe(
    `LoghiveTransport: option "service" is missing. Pass { service: 'shop' } or set LOGHIVE_SERVICE.`,
  );
  expect(producerConfig('LoghiveTransport', { enabled: false })).toMatchObject({ enabled: false });
});

describe('the options', () => {
  const integers: Record<string, [number, number, string]> = {
    lingerMs: [0, 10_000, 'milliseconds'],
    bufferBytes: [262_144, 68_719_476_736, 'bytes'],
    maxRecordBytes: [1024, 67_108_864, 'bytes'],
    exitTimeoutMs: [0, 8000, 'milliseconds'],
    heartbeatMs: [0, 3_600_000, 'milliseconds, 0 turns heartbeats off'],
    blockedTimeoutMs: [1000, 86_400_000, 'milliseconds'],
    socketTimeoutMs: [100, 600_000, 'milliseconds'],
    queueMaxSize: [1, 2_147_483_647, 'messages'],
    queueMaxBytes: [1_048_576, 1_099_511_627_776, 'bytes'],
    queueMessageTtlMs: [1000, 4_294_967_295, 'milliseconds'],
  };

  test.each(Object.entries(integers))('accept integers within the range of %s', (name, [min, max, unit]) => {
    useEnvironment();
    const roomy = name === 'bufferBytes' ? {} : { bufferBytes: 2 ** 30 };
    for (const value of [min, max]) expect(() => configOf({ ...roomy, [name]: value })).not.toThrow();
    for (const value of [min - 1, max + 1, 'many', null]) {
      expect(refusal({ service: 'shop', [name]: value })).toBe(
        `LoghiveTransport: option "${name}" is ${JSON.stringify(value)}, expected an integer from ${min} to ${max} (${unit}).`,
      );
    }
  });

  test('refuse a maxRecordBytes that does not fit into bufferBytes', () => {
    useEnvironment();
    const buffer = 512 * 1024;
    expect(configOf({ bufferBytes: buffer }).maxRecordBytes).toBe(buffer / 2);
    expect(configOf({ bufferBytes: buffer, maxRecordBytes: buffer - 1 }).maxRecordBytes).toBe(buffer - 1);
    expect(refusal({ service: 'shop', bufferBytes: buffer, maxRecordBytes: buffer })).toBe(
      'LoghiveTransport: option "maxRecordBytes" is 524288, expected less than "bufferBytes" (524288): a larger record would never fit into the buffer. Lower maxRecordBytes or raise bufferBytes.',
    );
  });

  test.each(['enabled', 'handleSignals'])('accept only a boolean for %s', (name) => {
    useEnvironment();
    expect(refusal({ service: 'shop', [name]: 'false' })).toBe(
      `LoghiveTransport: option "${name}" is "false", expected true or false.`,
    );
  });

  test('accept only three names for queueType', () => {
    useEnvironment();
    for (const queueType of ['quorum', 'classic', 'python'] as const) {
      expect(configOf({ queueType }).queues.type).toBe(queueType);
    }
    expect(configOf({ queueType: 'python' }).recordsPerMessage).toBe(1);
    expect(refusal({ service: 'shop', queueType: 'Quorum' })).toBe(
      `LoghiveTransport: option "queueType" is "Quorum", expected one of 'quorum', 'classic', 'python'.`,
    );
  });

  test.each(['a b', '', '.hidden', 'ä', 'x'.repeat(201), 'a/b', 7, null, {}])('refuse the service %j', (service) => {
    useEnvironment();
    expect(refusal({ service })).toMatch(
      /^LoghiveTransport: option "service" is .*, expected a service name of 1 to 200 letters, .*\.$/,
    );
  });

  test.each([
    ['localhost', '"localhost"'],
    ['http://user:secret@host', '"http://user:***@host"'],
    ['amqp://user:sec/ret@host', '"amqp://user:***@host"'],
    ['user:secret@host', '"user:***@host"'],
    [new URL('amqp://user:secret@host'), 'an object'],
    [['amqp://user:secret@host'], 'an array'],
  ])('refuse the url %s', (url, shown) => {
    useEnvironment();
    const message = refusal({ service: 'shop', url });
    expect(message).toContain(`LoghiveTransport: option "url" is ${shown}, expected a URL`);
    expect(message).not.toContain('secret');
  });

  test.each<[string, unknown, RegExp]>([
    ['text', 'ca.pem', /is text, expected an object \{ ca, cert, key, servername \}/],
    ['nothing', null, /is null, expected an object/],
    [
      'an unknown field',
      { pfx: Buffer.alloc(1) },
      /has an unknown field "pfx", expected one of ca, cert, key, servername\.$/,
    ],
    [
      "a path instead of a file's content",
      { ca: '/etc/ca.pem' },
      /has a field "ca" that is not PEM, .* not its path\.$/,
    ],
    ['a list with a path', { ca: [ca.cert, '/etc/ca.pem'] }, /has a field "ca" that is not PEM/],
    ['a damaged authority', { ca: ca.cert.replace(/M/g, '!') }, /cannot be used \(.*\), expected PEM certificates/],
    [
      'a certificate without its key',
      { cert: issued.cert, key: other.key },
      /the key that belongs to "cert" in "key"\.$/,
    ],
    ['a servername that is no text', { servername: 7 }, /has a field "servername" that is a number, expected text\.$/],
  ])('refuse for tls: %s', (_what, tls, words) => {
    useEnvironment();
    const message = refusal({ service: 'shop', tls });
    expect(message).toMatch(words);
    expect(message).toMatch(/^LoghiveTransport: option "tls" (is|has|cannot) /);
    expect(message).not.toMatch(/BEGIN|\n/);
  });

  test('accept texts and Buffers for tls', () => {
    useEnvironment();
    const tls = {
      ca: [Buffer.from(ca.cert), ca.cert],
      cert: issued.cert,
      key: Buffer.from(issued.key),
      servername: 'h',
    };
    expect(configOf({ url: 'amqps://h', tls }).broker.tls).toEqual(tls);
  });

  test('accept an object of fields for base, or null for none', () => {
    useEnvironment();
    const namesOf = (options: ProducerOptions) => configOf(options).base.map(({ name }) => name);
    expect(namesOf({ base: { region: 'eu', pid: 7 } })).toEqual(['region', 'pid']);
    expect(namesOf({ base: null })).toEqual([]);
    for (const base of ['eu', 7, ['eu']]) {
      expect(refusal({ service: 'shop', base })).toMatch(
        /^LoghiveTransport: option "base" is (text|a number|an array), expected an object of fields such as /,
      );
    }
  });

  test('accept the preset http for redact, which the environment can also set', () => {
    const hidden = { password: '[Redacted]' };
    useEnvironment();
    expect(configOf({ redact: 'http' }).redact?.fields({ password: 'x' })).toEqual(hidden);
    for (const text of ['http', 'HTTP']) {
      useEnvironment({ LOGHIVE_REDACT: text });
      expect(configOf().redact?.fields({ password: 'x' })).toEqual(hidden);
      expect(configOf({ redact: ['a'] }).redact?.fields({ password: 'x' })).toEqual({ password: 'x' });
    }
  });

  test('accept paths for redact', () => {
    useEnvironment();
    expect(configOf({ redact: ['password'] }).redact?.fields({ password: 'x' })).toEqual({ password: '[Redacted]' });
    expect(configOf({ redact: [] }).redact).toBeUndefined();
    expect(refusal({ service: 'shop', redact: 'user.card' })).toBe(
      `LoghiveTransport: option "redact" is "user.card", expected 'http', an array of paths such as ['password', 'user.card'], or { preset: 'http', paths, censor, remove }.`,
    );
    expect(refusal({ service: 'shop', redact: ['user..card'] })).toBe(
      `LoghiveTransport: option "redact" is ["user..card"], expected paths in Pino's syntax (Invalid redaction path (user..card)).`,
    );
  });

  test('refuse a revoked proxy by the name of its option', () => {
    useEnvironment();
    const { proxy, revoke } = Proxy.revocable({}, {});
    revoke();
    expect(refusal({ service: 'shop', base: proxy })).toMatch(/^LoghiveTransport: option "base" is /);
  });

  test('refuse an unknown name with the one that was probably meant', () => {
    useEnvironment();
    expect(refusal({ service: 'shop', lingerms: 5 })).toBe(
      'LoghiveTransport: unknown option "lingerms". Did you mean "lingerMs"?',
    );
    expect(refusal({ service: 'shop', host: 'h' })).toMatch(/unknown option "host". Known options: service, enabled/);
    expect(refusal('amqp://user:secret@host')).toMatch(/the options are text, expected an object/);
  });
});

test('the option tls enables TLS, whatever protocol the URL has', () => {
  useEnvironment();
  const { hosts } = configOf({ url: 'amqp://one,two:5673', tls: { ca: ca.cert } }).broker;
  expect(hosts).toMatchObject([
    { protocol: 'amqps', hostname: 'one', port: 5671 },
    { protocol: 'amqps', hostname: 'two', port: 5673 },
  ]);
});

describe('the environment', () => {
  test('sets every option that has a variable', () => {
    useEnvironment({
      LOGHIVE_SERVICE: 'till',
      LOGHIVE_ENABLED: 'no',
      LOGHIVE_URL: 'amqp://one',
      AMQP_URL: 'amqp://two',
      QUEUE_HOST: 'three',
      QUEUE_TYPE: 'Classic',
      QUEUE_MAX_SIZE: '10000000',
      QUEUE_MAX_BYTES: '2000000',
      QUEUE_MESSAGE_TTL_MS: ' 5000 ',
    });
    expect(producerConfig('LoghiveTransport', {})).toMatchObject({
      service: 'till',
      enabled: false,
      broker: { hosts: [{ hostname: 'one' }] },
      queues: { type: 'classic', maxLength: 10_000_000, maxBytes: 2_000_000, messageTtlMs: 5000 },
    });
  });

  test('sets the broker by LOGHIVE_URL, AMQP_URL or QUEUE_HOST, in this order', () => {
    const { warnings } = useEnvironment({ LOGHIVE_URL: '', AMQP_URL: 'amqp://two', QUEUE_HOST: 'three' });
    expect(configOf().broker.hosts).toMatchObject([{ hostname: 'two' }]);
    vi.stubEnv('AMQP_URL', '');
    expect(configOf().broker.hosts).toMatchObject([{ hostname: 'three', port: 5672, username: 'guest', vhost: '/' }]);
    expect(configOf({ url: 'amqp://four' }).broker.hosts).toMatchObject([{ hostname: 'four' }]);
    expect(warnings()).toEqual([]);
  });

  test.each([
    ['p@ss/w:rd#?&', 'p@ss/w:rd#?&'],
    ['100%', '100%'],
    // The Python package puts the password into its URL as it is.
    ['p%40ss', 'p@ss'],
  ])('sets the parts of the broker address as for the Python package: password %s', (password, meant) => {
    useEnvironment({
      QUEUE_HOST: 'one,two:5674,[::1]',
      QUEUE_PORT: '5673',
      QUEUE_USER: 'us er',
      QUEUE_PASSWORD: password,
      QUEUE_VHOST: 'a/b',
    });
    const shared = { username: 'us er', password: meant, vhost: 'a/b' };
    expect(configOf().broker.hosts).toMatchObject([
      { hostname: 'one', port: 5673, ...shared },
      { hostname: 'two', port: 5674, ...shared },
      { hostname: '::1', port: 5673, ...shared },
    ]);
  });

  test.each([
    ['LOGHIVE_ENABLED', 'perhaps', 'expected true or false; true is used instead', 'enabled'],
    ['QUEUE_TYPE', 'stream', `expected one of 'quorum', 'classic', 'python'; "quorum" is used instead`, 'queueType'],
    ['QUEUE_MAX_SIZE', '1e6', 'from 1 to 2147483647 (messages); 1000000 is used instead', 'queueMaxSize'],
    ['QUEUE_MAX_BYTES', '1GiB', 'from 1048576 to 1099511627776 (bytes); 1073741824 is used instead', 'queueMaxBytes'],
    ['QUEUE_MESSAGE_TTL_MS', '7d', '(milliseconds); 604800000 is used instead', 'queueMessageTtlMs'],
  ])('that has an invalid %s causes one warning, with the value used instead', (variable, value, expected, option) => {
    const { warnings } = useEnvironment({ [variable]: value });
    const config = configOf();
    expect(config).toEqual(configOf());
    expect(warnings()).toHaveLength(1);
    expect(warnings()[0]).toMatch(new RegExp(`^environment variable ${variable} is "`));
    expect(warnings()[0]).toContain(expected);
    expect(warnings()[0]).toMatch(new RegExp(` is used instead\\. Correct it or set the option "${option}"\\.$`));
    expect(warnings()[0]).not.toContain('secret');
    vi.unstubAllEnvs();
    useEnvironment();
    expect(config).toEqual(configOf());
  });

  test.each<[Record<string, string>, RegExp]>([
    [{ LOGHIVE_URL: 'http://user:secret@host' }, /LOGHIVE_URL is ".*", expected a URL that begins with 'amqp:/],
    [
      { LOGHIVE_URL: 'host', AMQP_URL: 'amqp://two', QUEUE_HOST: 'three' },
      /LOGHIVE_URL is "host", expected a URL such as/,
    ],
    [{ LOGHIVE_URL: ' ', QUEUE_HOST: 'three' }, /LOGHIVE_URL is " ", expected a URL such as/],
    [{ LOGHIVE_URL: 'amqp://user@', QUEUE_HOST: 'three' }, /LOGHIVE_URL is/],
    [{ LOGHIVE_URL: 'amqps://h?cacertfile=/nowhere/ca.pem' }, /LOGHIVE_URL is .*readable files in its query \(ENOENT/],
    [{ AMQP_URL: 'user:secret@host', QUEUE_HOST: 'three' }, /AMQP_URL is ".*'amqps:/],
    [{ QUEUE_PORT: 'five' }, /QUEUE_HOST "localhost" and QUEUE_PORT "five" are not a valid broker address/],
    [{ QUEUE_PORT: '0' }, /QUEUE_PORT "0"/],
    [{ QUEUE_PORT: '70000' }, /from 1 to 65535/],
    [{ QUEUE_HOST: 'a b' }, /QUEUE_HOST "a b"/],
    [{ QUEUE_HOST: 'amqp://h' }, /QUEUE_HOST "amqp:/],
    [{ QUEUE_HOST: 'amqp://app:secret@h:5672' }, /QUEUE_HOST/],
    [{ QUEUE_HOST: 'h/v' }, /QUEUE_HOST "h\/v"/],
    [{ QUEUE_HOST: '/var/run/rabbitmq' }, /RabbitMQ does not accept connections over Unix sockets/],
    [{ QUEUE_HOST: 'fe80::1%eth0' }, /an IPv6 address without a zone/],
    [
      { QUEUE_HOST: '127.0.0.1?heartbeat=30', QUEUE_PORT: '5673', QUEUE_VHOST: 'prod' },
      /QUEUE_HOST "127\.0\.0\.1\?heartbeat=30" and QUEUE_PORT "5673" are not a valid broker address, expected a host name or address/,
    ],
    [{ QUEUE_HOST: 'one?x,two' }, /QUEUE_HOST "one\?x,two"/],
    [{ QUEUE_HOST: 'one,two?x' }, /QUEUE_HOST "one,two\?x"/],
    [{ QUEUE_HOST: 'one#x' }, /QUEUE_HOST "one#x"/],
    [{ QUEUE_HOST: 'one/' }, /QUEUE_HOST "one\/"/],
    [{ QUEUE_HOST: 'one:5672/prod' }, /QUEUE_HOST/],
    [{ QUEUE_HOST: 'app@one' }, /QUEUE_HOST "app@one"/],
    [{ QUEUE_HOST: 'app:secret@one' }, /QUEUE_HOST "app:\*\*\*@one"/],
    [{ QUEUE_HOST: 'one?password=secret' }, /QUEUE_HOST "one\?password=\*\*\*"/],
    [{ QUEUE_HOST: 'one\\two' }, /QUEUE_HOST "one/],
    [{ QUEUE_HOST: 'one\ttwo' }, /QUEUE_HOST "one\\ttwo"/],
    [{ QUEUE_HOST: 'one\ntwo' }, /QUEUE_HOST "one\\ntwo"/],
    [{ QUEUE_HOST: 'one,,two' }, /QUEUE_HOST "one,,two"/],
    [{ QUEUE_HOST: 'one,' }, /QUEUE_HOST "one,"/],
    [{ QUEUE_HOST: '::1%x?y' }, /a host name or address .* without '\?'/],
    [{ QUEUE_HOST: ' ' }, /QUEUE_HOST " "/],
    [
      { QUEUE_PORT: '1?', QUEUE_VHOST: 'prod' },
      /QUEUE_PORT "1\?" are not a valid broker address, expected a port from 1 to 65535/,
    ],
    [{ QUEUE_PORT: '5673#' }, /QUEUE_PORT "5673#"/],
    [{ QUEUE_PORT: '5673/other?' }, /QUEUE_PORT "5673\/other\?"/],
    [{ QUEUE_PORT: '5673,two' }, /QUEUE_PORT "5673,two"/],
    [{ QUEUE_PORT: '1:secret@two' }, /QUEUE_PORT "1:\*\*\*@two"/],
    [{ QUEUE_PORT: '5 673' }, /QUEUE_PORT "5 673"/],
    [{ QUEUE_PORT: '56\n73' }, /QUEUE_PORT "56\\n73"/],
    [{ QUEUE_PORT: '-1' }, /QUEUE_PORT "-1"/],
    [{ QUEUE_PORT: '5673.0' }, /QUEUE_PORT "5673\.0"/],
    [{ QUEUE_PORT: '005672' }, /QUEUE_PORT "005672"/],
    // It has no effect if each host has its own port, but is wrong nevertheless.
    [{ QUEUE_HOST: 'one:5672', QUEUE_PORT: '1?' }, /QUEUE_PORT "1\?"/],
    [{ QUEUE_PORT: ' ' }, /QUEUE_PORT " "/],
  ])('that has an invalid broker address does not lead to another broker: %j', async (variables, words) => {
    const { warnings } = useEnvironment({ QUEUE_PASSWORD: 'secret', ...variables });
    const errorLog = vi.spyOn(internalLogger, 'error').mockImplementation(() => {});
    onEnd(() => errorLog.mockRestore());
    const { broker } = configOf();
    expect(broker.hosts).toEqual([]);
    expect(broker.fault).toMatch(words);
    expect(broker.fault).not.toContain('secret');
    const client = new LoggerClient({ service: 'shop', exitTimeoutMs: 0, handleSignals: false });
    const warned = once(client, 'warning');
    client.info('one');
    const [error] = await warned;
    expect(error).toMatchObject({ code: 'LOGHIVE_INVALID_OPTION' });
    expect(error.message).toMatch(words);
    expect(error.message).toMatch(
      /Correct (?:it|them) or set .*\. Until this is corrected, Loghive does not connect: records are buffered/,
    );
    expect(errorLog.mock.calls.map(([line]) => line)).toEqual([error.message]);
    expect(client.status().connection).toMatchObject({ state: 'waiting', lastError: error.message });
    // An option takes precedence over the environment.
    expect(configOf({ url: 'amqp://four' }).broker.hosts).toMatchObject([{ hostname: 'four' }]);
    expect(await client.close()).toEqual({ confirmed: 0, spooled: 0, unsent: 1 });
    expect(warnings()).toEqual([]);
  });

  test.each([
    [{ QUEUE_HOST: 'mq' }, 'mq', 15671],
    [{}, 'localhost', 15672],
    [{ QUEUE_HOST: 'one,two:5673' }, 'one', 15673],
  ])(
    'that Kubernetes sets for a service named "queue" is ignored with an explanation: %j',
    (variables, hostname, port) => {
      const { warnings } = useEnvironment({
        ...(variables as Record<string, string>),
        QUEUE_PORT: `tcp://10.0.0.1:${port}`,
        QUEUE_SERVICE_HOST: '10.0.0.1',
        QUEUE_SERVICE_PORT: '15672',
        QUEUE_PORT_15672_TCP: `tcp://10.0.0.1:${port}`,
        QUEUE_PORT_15672_TCP_ADDR: '10.0.0.1',
      });
      const { broker } = configOf();
      expect(broker.hosts[0]).toMatchObject({ hostname, port: 5672 });
      expect(broker.fault).toBeUndefined();
      expect(warnings()).toHaveLength(1);
      expect(warnings()[0]).toContain(
        `environment variable QUEUE_PORT is "tcp://10.0.0.1:${port}", as Kubernetes sets it for a service named "queue"; it is ignored, and port 5672 is used.`,
      );
    },
  );

  test.each([
    ['::1', '::1', 5672],
    ['2001:db8::7', '2001:db8::7', 5672],
    ['[2001:db8::7]:5673', '2001:db8::7', 5673],
  ])('names an IPv6 host in QUEUE_HOST with or without brackets: %s', (host, hostname, port) => {
    useEnvironment({ QUEUE_HOST: host });
    expect(configOf().broker.hosts).toMatchObject([{ hostname, port }]);
  });

  test('may have white space around a host or a port, as values from secret files do', () => {
    useEnvironment({ QUEUE_HOST: ' one, two\n', QUEUE_PORT: ' 5673\n' });
    expect(configOf().broker.hosts).toMatchObject([
      { hostname: 'one', port: 5673 },
      { hostname: 'two', port: 5673 },
    ]);
  });

  test('may have connection settings in the query of the URL; options take precedence', () => {
    const { warnings } = useEnvironment({ LOGHIVE_URL: 'amqp://h/v?heartbeat=30&connection_timeout=2500' });
    expect(configOf().broker).toMatchObject({
      hosts: [{ hostname: 'h', vhost: 'v' }],
      heartbeatS: 30,
      socketTimeoutMs: 2500,
    });
    expect(configOf({ heartbeatMs: 6001, socketTimeoutMs: 9000 }).broker).toMatchObject({
      heartbeatS: 7,
      socketTimeoutMs: 9000,
    });
    expect(configOf({ url: 'amqp://h?heartbeat=5' }).broker.heartbeatS).toBe(5);
    expect(configOf({ url: 'amqp://h' }).broker).toMatchObject({ heartbeatS: 600, socketTimeoutMs: 10_000 });
    expect(warnings()).toEqual([]);
  });

  test('that has an unknown or invalid parameter in the URL causes one warning, and leads to the same broker', () => {
    const { warnings } = useEnvironment({ LOGHIVE_URL: 'amqp://h?retry_delay=hunter2&heartbeat=often' });
    expect(configOf().broker).toEqual(configOf().broker);
    expect(configOf().broker).toMatchObject({ hosts: [{ hostname: 'h' }], heartbeatS: 600 });
    expect(warnings()).toHaveLength(2);
    expect(warnings()[0]).toMatch(
      /^the broker URL has parameter "retry_delay", which Loghive does not use \(known: heart/,
    );
    expect(warnings()[1]).toContain('parameter "heartbeat", whose value is not an integer from 0 to 3600 (seconds)');
    expect(warnings().join()).not.toContain('hunter2');
  });

  test('names the folder of the spool, unless the option does', () => {
    const { warnings } = useEnvironment({ LOGHIVE_SPOOL_DIR: '/var/spool', STATE_DIRECTORY: '/var/lib/a:/var/lib/b' });
    expect(configOf().spool).toEqual({
      dir: '/var/spool',
      maxBytes: 256 * 1024 * 1024,
      mode: 'overflow',
      fsync: false,
    });
    expect(configOf({ spool: { dir: '/other', mode: 'always' } }).spool).toMatchObject({
      dir: '/other',
      mode: 'always',
    });
    expect(configOf({ spool: false }).spool).toBeUndefined();
    expect(configOf({ enabled: false }).spool).toBeUndefined();
    expect(warnings()).toEqual([]);
  });

  test('without a folder for the spool uses the one that systemd provides', () => {
    useEnvironment({ STATE_DIRECTORY: '/var/lib/a:/var/lib/b' });
    expect(configOf().spool).toMatchObject({ dir: '/var/lib/a' });
  });

  test('turns the spool off, unless the option turns it on', () => {
    useEnvironment({ LOGHIVE_SPOOL: 'false', LOGHIVE_SPOOL_DIR: '/var/spool' });
    expect(configOf().spool).toBeUndefined();
    expect(configOf({ spool: true }).spool).toMatchObject({ dir: '/var/spool', mode: 'overflow' });
    useEnvironment({ LOGHIVE_SPOOL: 'true', LOGHIVE_SPOOL_DIR: '/var/spool' });
    expect(configOf().spool).toMatchObject({ dir: '/var/spool' });
  });

  test.each([
    ['/var', /option "spool" is text, expected an object \{ dir, maxBytes, mode, fsync \}, true or false/],
    [{ size: 1 }, /option "spool" has an unknown field "size", expected one of dir, maxBytes, mode, fsync/],
    [{ maxBytes: 10 }, /option "spool" has a field "maxBytes" that is 10, expected an integer from 1048576/],
    [{ mode: 'never' }, /option "spool" has a field "mode" that is "never", expected one of/],
    [{ dir: '' }, /option "spool" has a field "dir" that is "", expected the path of a folder/],
  ])('with the spool %j throws', (spool, words) => {
    useEnvironment({});
    expect(refusal({ service: 'shop', spool })).toMatch(words);
  });

  test('that has an unknown variable of Loghive is reported once, with the name that was probably meant', () => {
    const { warnings } = useEnvironment(
      {
        LOGHIVE_SERVCE: 'shop',
        LOGHIVE_DATABASE_URL: 'postgres://u:secret@h/db',
        // Kubernetes sets these for a service called "loghive".
        LOGHIVE_SERVICE_HOST: '10.0.0.1',
        LOGHIVE_PORT_5672_TCP_ADDR: '10.0.0.1',
      },
      'loghive_enable=no\nloghive_url=amqp://h\nLOGHIVE_COLOUR=red\n',
    );
    expect(configOf()).toMatchObject({ enabled: true, broker: { hosts: [{ hostname: 'h' }] } });
    configOf();
    const file = path.join(process.cwd(), 'config.env');
    expect(warnings()).toEqual([
      'environment variable LOGHIVE_SERVCE is unknown and has no effect. Did you mean LOGHIVE_SERVICE?',
      `loghive_enable in ${file} is unknown and has no effect. Did you mean LOGHIVE_ENABLED?`,
      `LOGHIVE_COLOUR in ${file} is unknown and has no effect. Known variables: LOGHIVE_URL, LOGHIVE_SERVICE, LOGHIVE_ENABLED, LOGHIVE_REDACT, LOGHIVE_SPOOL, LOGHIVE_SPOOL_DIR, LOGHIVE_DATABASE_URL, LOGHIVE_TRACE_FIELDS, LOGHIVE_LOG_LEVEL.`,
    ]);
  });

  test('that has an invalid service throws, because there is no default', () => {
    useEnvironment({ LOGHIVE_SERVICE: 'a b' });
    expect(refusal({})).toMatch(
      /^environment variable LOGHIVE_SERVICE is "a b", expected a service name .* Correct it or set the option "service"\.$/,
    );
    expect(configOf().service).toBe('shop');
  });

  test("sets the level of Loghive's own log by LOGHIVE_LOG_LEVEL, not by LOG_LEVEL", () => {
    const setLevel = vi.spyOn(internalLogger, 'setLevel').mockImplementation(() => {});
    const { warnings } = useEnvironment({ LOGHIVE_LOG_LEVEL: 'warn', LOG_LEVEL: 'debug' });
    configOf();
    expect(setLevel.mock.calls).toEqual([['warn']]);
    expect(warnings()).toEqual([]);
    const unknown = uniqueName('level');
    vi.stubEnv('LOGHIVE_LOG_LEVEL', unknown);
    configOf();
    expect(warnings()).toEqual([
      `environment variable LOGHIVE_LOG_LEVEL is "${unknown}", expected one of DEBUG, INFO, WARNING, ERROR, CRITICAL; INFO is used instead. Correct it.`,
    ]);
    vi.stubEnv('LOGHIVE_LOG_LEVEL', undefined);
    setLevel.mockClear();
    configOf();
    expect(setLevel).not.toHaveBeenCalled();
    setLevel.mockRestore();
  });

  test("sets the level of Loghive's own log by LOG_LEVEL in config.env, after LOGHIVE_LOG_LEVEL", () => {
    const setLevel = vi.spyOn(internalLogger, 'setLevel').mockImplementation(() => {});
    useEnvironment({ LOG_LEVEL: 'critical' }, 'LOG_LEVEL=debug\n');
    configOf();
    vi.stubEnv('LOGHIVE_LOG_LEVEL', 'error');
    configOf();
    expect(setLevel.mock.calls).toEqual([['debug'], ['error']]);
    setLevel.mockRestore();
  });

  test('that has an invalid value is reported to onDiagnostic if there is one', () => {
    const { warnings } = useEnvironment({ QUEUE_MAX_SIZE: uniqueName('many') });
    vi.mocked(internalLogger.warning).mockRestore();
    const lines: string[] = [];
    configOf({ onDiagnostic: (line) => lines.push(line) });
    expect(lines).toEqual([expect.stringMatching(/WARNING environment variable QUEUE_MAX_SIZE is "many/)]);
    expect(warnings()).toEqual([]);
  });
});

describe('config.env', () => {
  /** The file of the Python package with its placeholders filled in. */
  const PYTHON = `    #basic configurations
LOG_LEVEL=DEBUG

#database configurations
POSTGRES_DB_HOST=localhost
POSTGRES_DB_USER=postgres
POSTGRES_DB_NAME=logs
POSTGRES_DB_PASSWORD=pg#secret
POSTGRES_DB_PORT=5432

#rabbitmq & consumer configurations
QUEUE_HOST=queue.example
QUEUE_USER=buddy
QUEUE_PASSWORD=#mq#secret # of the broker
QUEUE_PORT=5673
QUEUE_MAX_SIZE=10000000

#Consumer
CONSUMER_BATCH_SIZE=1000

#Monitoring
ENABLE_EMAIL_MONITORING=False
EMAIL_HOST=smtp.example
EMAIL_PORT=123
EMAIL_SENDER_EMAIL=a@b.example
EMAIL_SENDER_PASSWORD=mail-secret
`;

  test('of the Python package works unchanged, and does not change the environment', () => {
    const setLevel = vi.spyOn(internalLogger, 'setLevel').mockImplementation(() => {});
    const { warnings } = useEnvironment({}, PYTHON);
    const before = { ...process.env };
    expect(configOf()).toMatchObject({
      broker: { hosts: [{ hostname: 'queue.example', port: 5673, username: 'buddy', password: '#mq#secret' }] },
      queues: { maxLength: 10_000_000 },
    });
    expect(setLevel).toHaveBeenCalledWith('DEBUG');
    expect(process.env).toEqual(before);
    expect(warnings()).toEqual([]);
    setLevel.mockRestore();
  });

  test.each([
    ['plain', 'plain'],
    ['a#b', 'a#b'],
    ['a #b', 'a'],
    [' spaced out ', 'spaced out'],
    ['"quoted #1"', 'quoted #1'],
    ["'single #1'", 'single #1'],
    [`it's"#1`, `it's"#1`],
    ['# comment', 'guest'],
    ['', 'guest'],
  ])('with QUEUE_PASSWORD=%s is parsed as in Python', (written, read) => {
    useEnvironment({}, `export QUEUE_HOST=h\nQUEUE_PASSWORD= ${written}\r\nQUEUE_PORT=5673\n`);
    expect(configOf().broker.hosts).toMatchObject([{ hostname: 'h', password: read, port: 5673 }]);
  });

  test('is overridden by the environment, and may have names in lower case', () => {
    useEnvironment(
      { QUEUE_HOST: 'from-environment', QUEUE_USER: '' },
      'QUEUE_HOST=from-file\nQUEUE_USER=file-user\nqueue_port=5674\n',
    );
    expect(configOf().broker.hosts).toMatchObject([
      { hostname: 'from-environment', username: 'file-user', port: 5674 },
    ]);
  });

  test('with an invalid value is named in the warning', () => {
    const { warnings, folder } = useEnvironment({}, 'QUEUE_MAX_SIZE=lots\n');
    expect(configOf().queues.maxLength).toBe(1_000_000);
    expect(warnings()).toHaveLength(1);
    expect(warnings()[0]).toContain(
      `QUEUE_MAX_SIZE in ${path.join(process.cwd(), 'config.env')} is "lots", expected an integer`,
    );
    expect(process.cwd()).toContain(path.basename(folder));
  });

  test('that cannot be read is reported once and ignored', () => {
    const { warnings } = useEnvironment();
    mkdirSync('config.env');
    expect(configOf().broker.hosts).toMatchObject([{ hostname: 'localhost' }]);
    configOf();
    expect(warnings()).toHaveLength(1);
    expect(warnings()[0]).toMatch(
      /config\.env cannot be read \(EISDIR.*\); its settings are ignored\. Make it readable or remove it\.$/,
    );
  });

  test('with other content causes no failure', () => {
    const { warnings } = useEnvironment({}, '\u0000\ufffd{ "json": true }\nQUEUE_HOST = h\n=\n');
    expect(configOf().broker.hosts).toMatchObject([{ hostname: 'h' }]);
    expect(warnings()).toEqual([]);
  });
});
