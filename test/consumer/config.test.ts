import os from 'node:os';
import { describe, expect, test, vi } from 'vitest';
import { type ConsumerOptions, consumerConfig } from '../../consumer/config.js';
import { type CreateConsumerOptions, createConsumer, startConsumer } from '../../consumer/index.js';
import { migrationConfig } from '../../consumer/store-settings.js';
import { LoghiveError } from '../../src/errors.js';
import { internalLogger } from '../../src/internal-logger.js';
import { useEnvironment } from '../support/use-environment.js';
import { onEnd } from '../support/use-servers.js';

const databaseUrl = 'postgres://u:secret@h:5432/logs';

function configOf(options: ConsumerOptions = {}, services = ['shop']) {
  return consumerConfig('createConsumer', services, { databaseUrl, ...options });
}

function refusal(act: () => unknown): string {
  try {
    act();
  } catch (error) {
    expect(error).toBeInstanceOf(LoghiveError);
    expect((error as LoghiveError).code).toBe('LOGHIVE_INVALID_OPTION');
    expect((error as LoghiveError).message).not.toMatch(/\n|secret/);
    return (error as LoghiveError).message;
  }
  throw new Error('it was accepted');
}

const create =
  (services: unknown, options: unknown = { databaseUrl }) =>
  () =>
    createConsumer(services as string[], options as CreateConsumerOptions);

test('only services and a database are required', () => {
  useEnvironment();
  const config = configOf();
  expect(config).toMatchObject({
    services: ['shop'],
    store: {
      databaseUrl,
      schema: 'logs',
      writeTimeoutMs: 60_000,
      statementTimeoutMs: 30_000,
      connectTimeoutMs: 10_000,
      indexes: { information: undefined, fields: [] },
    },
    batchSize: 5000,
    batchBytes: 8_388_608,
    batchLingerMs: 50,
    prefetchBytes: 67_108_864,
    workers: Math.min(4, os.availableParallelism()),
    retryDelaysMs: [1000, 10_000, 60_000, 600_000, 3_600_000],
    pythonTimezone: undefined,
  });
  expect([config, config.services, config.store, config.retryDelaysMs].every(Object.isFrozen)).toBe(true);
});

describe('every option is checked', () => {
  const integers: Record<string, [number, number, string]> = {
    batchSize: [1, 100_000, 'records'],
    batchBytes: [65_536, 1_073_741_824, 'bytes'],
    batchLingerMs: [0, 60_000, 'milliseconds'],
    prefetchBytes: [1_048_576, 17_179_869_184, 'bytes'],
    workers: [0, 64, 'worker threads'],
    writeTimeoutMs: [1000, 1_200_000, 'milliseconds'],
    heartbeatMs: [0, 3_600_000, 'milliseconds, 0 turns heartbeats off'],
    blockedTimeoutMs: [1000, 86_400_000, 'milliseconds'],
    socketTimeoutMs: [100, 600_000, 'milliseconds'],
    queueMaxSize: [1, 2_147_483_647, 'messages'],
    queueMaxBytes: [1_048_576, 1_099_511_627_776, 'bytes'],
    queueMessageTtlMs: [1000, 4_294_967_295, 'milliseconds'],
  };

  test.each(Object.entries(integers))('%s', (name, [min, max, unit]) => {
    useEnvironment();
    for (const value of [min, max]) expect(() => configOf({ [name]: value })).not.toThrow();
    for (const value of [min - 1, max + 1, 'many', null]) {
      expect(refusal(create(['shop'], { databaseUrl, [name]: value }))).toBe(
        `createConsumer: option "${name}" is ${JSON.stringify(value)}, expected an integer from ${min} to ${max} (${unit}).`,
      );
    }
  });

  test.each<[unknown, string]>([
    ['shop', '"shop", expected a list of service names'],
    [null, 'null, expected a list of service names'],
    [{ services: ['shop'], databaseUrl }, 'an object, expected a list of service names'],
    [['shop', 'a b'], '["shop","a b"], expected a service name of 1 to 200 letters'],
    [['shop,other'], '["shop,other"], expected one name per element'],
    [['amqp://u:secret@h'], '["amqp://u:***@h"], expected a service name'],
    [[7], '[7], expected a service name'],
  ])('services %j', (services, words) => {
    useEnvironment();
    expect(refusal(create(services))).toContain(`createConsumer: option "services" is ${words}`);
  });

  test('services passed as an option are refused', () => {
    useEnvironment();
    expect(refusal(create([], { services: ['shop'], databaseUrl }))).toBe(
      `createConsumer: "services" is not an option; pass it as the first argument: createConsumer(['shop'], options).`,
    );
  });

  test.each<[string, unknown, string]>([
    ['schema', 'Logs', '"Logs", expected a schema name of 1 to 63 lowercase letters, digits and underscores'],
    ['schema', 'a;b', '"a;b", expected a schema name'],
    ['schema', null, 'null, expected a schema name'],
    ['retryDelaysMs', 1000, '1000, expected a list of at most 20 delays in milliseconds'],
    ['retryDelaysMs', [1], '[1], expected an integer from 100 to 86400000 (milliseconds)'],
    ['retryDelaysMs', ['1000'], '["1000"], expected an integer from 100 to 86400000 (milliseconds)'],
    ['pythonTimezone', 'Berlin', `"Berlin", expected an IANA time zone such as 'Europe/Berlin'`],
    ['pythonTimezone', null, 'null, expected an IANA time zone'],
    ['indexInformation', 'off', '"off", expected true or false (in the environment: on or off)'],
    [
      'indexFields',
      'requestId',
      '"requestId", expected a list of at most 10 names of fields of information, such as requestId,order.id (a dot separates nested names)',
    ],
    ['indexFields', ['order..id'], '["order..id"], expected a list of at most 10 names of fields'],
    ['indexFields', ['a\0'], '["a\\u0000"], expected a list of at most 10 names of fields'],
    [
      'indexFields',
      Array(11).fill('a'),
      '["a","a","a","a","a","a","a","a","a","a","a"], expected a list of at most 10 names of fields',
    ],
    ['url', 'http://u:secret@h', '"http://u:***@h", expected a URL that begins with'],
    ['tls', 'ca.pem', 'text, expected an object { ca, cert, key, servername }'],
    ['queueType', 'lazy', `"lazy", expected one of 'quorum', 'classic', 'python'`],
    ['databaseUrl', new URL('postgres://u:secret@h/db'), "an object, expected a URL such as 'postgres://"],
  ])('%s %j', (name, value, words) => {
    useEnvironment();
    const message = refusal(create(['shop'], { databaseUrl, [name]: value }));
    expect(message).toContain(`createConsumer: option "${name}" is ${words}`);
  });

  test.each([
    [
      'postgres://u:secret@h/db?sslmode=strict',
      /"postgres:\/\/u:\*\*\*@h\/db\?sslmode=strict": sslmode has an invalid value; expected one of disable,/,
    ],
    ['mysql://u:secret@h/db', /expected postgres:\/\//],
    ['postgres://u:sec/ret@h:5432/db', /percent-encoded/],
    ['', /expected postgres:\/\//],
  ])('databaseUrl %j', (url, words) => {
    useEnvironment();
    const message = refusal(create(['shop'], { databaseUrl: url }));
    expect(message).toMatch(/^createConsumer: option "databaseUrl": database URL /);
    expect(message).toMatch(words);
  });

  test('an unknown option is refused with a suggestion', () => {
    useEnvironment();
    expect(refusal(create(['shop'], { databaseUrl, batchsize: 5 }))).toBe(
      'createConsumer: unknown option "batchsize". Did you mean "batchSize"?',
    );
    expect(refusal(create([], { database: databaseUrl }))).toMatch(
      /unknown option "database". Did you mean "databaseUrl"\?/,
    );
  });

  test.each([[null], ['amqp://u:secret@h'], [7], [['shop']]])('options that are %j', (options) => {
    useEnvironment();
    expect(refusal(create(['shop'], options))).toMatch(/^createConsumer: the options are .*, expected an object/);
  });

  test('startConsumer rejects and names itself in the error', async () => {
    useEnvironment();
    const start = (services: unknown, options?: unknown) =>
      startConsumer(services as string[], options as ConsumerOptions);
    await expect(start('shop')).rejects.toThrow(/^startConsumer: option "services" is "shop", expected a list/);
    await expect(start(['shop'], { batchSize: 0 })).rejects.toThrow(/^startConsumer: option "batchSize" is 0/);
    await expect(start(['shop'], 'x')).rejects.toThrow(/^startConsumer: the options are text/);
    await expect(start(['shop'], null)).rejects.toThrow(/^startConsumer: the options are null/);
    await expect(start({ databaseUrl: 'postgres://u:secret@h/db' })).rejects.toThrow(
      /^startConsumer: option "services" is an object, expected a list/,
    );
    await expect(start(['shop'], { databaseUrl, services: ['other'] })).rejects.toThrow(
      /^startConsumer: "services" is not an option; pass it as the first argument: startConsumer\(\['shop'\], options\)\.$/,
    );
    await expect(start(['shop'], { databaseUrl, signal: 'SIGTERM' })).rejects.toThrow(
      /^startConsumer: option "signal" is "SIGTERM", expected an AbortSignal, such as that of an AbortController\.$/,
    );
  });

  test('every service is consumed if none is named', () => {
    useEnvironment();
    expect(configOf({}, []).services).toBe('every');
    expect(consumerConfig('createConsumer', undefined, { databaseUrl }).services).toBe('every');
  });

  test('a service that is named twice is consumed once', () => {
    useEnvironment();
    expect(configOf({}, ['shop', 'till', 'shop']).services).toEqual(['shop', 'till']);
  });
});

describe('the environment', () => {
  test('sets every option that has a variable', () => {
    useEnvironment({
      SERVICE_NAMES: 'shop, till,',
      LOGHIVE_DATABASE_URL: databaseUrl,
      LOGHIVE_URL: 'amqp://mq',
      CONSUMER_BATCH_SIZE: '1000',
      CONSUMER_WORKERS: '3',
      RETRY_DELAYS_MS: '100, 200',
      PYTHON_TIMEZONE: 'Asia/Kolkata',
      INDEX_INFORMATION: 'off',
      INDEX_FIELDS: 'requestId, order.id,requestId,',
      QUEUE_TYPE: 'python',
    });
    expect(consumerConfig('createConsumer', [], {})).toMatchObject({
      services: ['shop', 'till'],
      store: { databaseUrl, indexes: { information: false, fields: [['requestId'], ['order', 'id']] } },
      broker: { hosts: [{ hostname: 'mq' }] },
      batchSize: 1000,
      workers: 3,
      retryDelaysMs: [100, 200],
      pythonTimezone: 'Asia/Kolkata',
      queues: { type: 'python' },
    });
  });

  test('disables retries with an empty RETRY_DELAYS_MS', () => {
    useEnvironment({ RETRY_DELAYS_MS: '' });
    expect(configOf().retryDelaysMs).toEqual([]);
  });

  test('sets the database by LOGHIVE_DATABASE_URL, POSTGRES_DB_HOST or DATABASE_URL, in this order', () => {
    useEnvironment({
      LOGHIVE_DATABASE_URL: 'postgres://one/db',
      POSTGRES_DB_HOST: 'two',
      DATABASE_URL: 'postgres://three/db',
    });
    const target = () => migrationConfig('migrate', {}).databaseUrl;
    expect(target()).toBe('postgres://one/db');
    vi.stubEnv('LOGHIVE_DATABASE_URL', '');
    expect(target()).toBe('postgres://postgres:@two:5432/postgres');
    vi.stubEnv('POSTGRES_DB_HOST', '');
    expect(target()).toBe('postgres://three/db');
    expect(migrationConfig('migrate', { databaseUrl }).databaseUrl).toBe(databaseUrl);
  });

  test.each([
    ['p@ss/w:rd#?&', 'p%40ss%2Fw%3Ard%23%3F%26'],
    ['p%40ss', 'p%40ss'],
    ['100%', '100%25'],
  ])('sets the parts of the database address as for the Python package: password %s', (password, encoded) => {
    useEnvironment({
      POSTGRES_DB_HOST: 'one,two:5434',
      POSTGRES_DB_PORT: '5433',
      POSTGRES_DB_USER: 'us er',
      POSTGRES_DB_NAME: 'a/b',
      POSTGRES_DB_PASSWORD: password,
    });
    expect(migrationConfig('migrate', {}).databaseUrl).toBe(`postgres://us%20er:${encoded}@one:5433,two:5434/a%2Fb`);
  });

  test.each([
    ['CONSUMER_BATCH_SIZE', 'all', 'expected an integer from 1 to 100000 (records); 5000 is used instead', 'batchSize'],
    [
      'RETRY_DELAYS_MS',
      '1s,2s',
      'expected an integer from 100 to 86400000 (milliseconds); [1000,10000,60000,600000,3600000] is used instead',
      'retryDelaysMs',
    ],
    [
      'PYTHON_TIMEZONE',
      'Berlin',
      "expected an IANA time zone such as 'Europe/Berlin'; it is ignored",
      'pythonTimezone',
    ],
    [
      'INDEX_INFORMATION',
      'perhaps',
      'expected true or false (in the environment: on or off); it is ignored',
      'indexInformation',
    ],
    [
      'INDEX_FIELDS',
      'order.',
      'expected a list of at most 10 names of fields of information, such as requestId,order.id (a dot separates nested names); [] is used instead',
      'indexFields',
    ],
  ])('that has an invalid %s causes one warning, with the value used instead', (variable, value, expected, option) => {
    const { warnings } = useEnvironment({ [variable]: value });
    expect(configOf()).toEqual(configOf());
    expect(warnings()).toEqual([
      `environment variable ${variable} is "${value}", ${expected}. Correct it or set the option "${option}".`,
    ]);
  });

  test.each([
    [
      { SERVICE_NAMES: 'shop,a b' },
      /^environment variable SERVICE_NAMES is "shop,a b", expected a service name .* set the option "services"\.$/,
    ],
    [{ SERVICE_NAMES: 'amqp://u:secret@h' }, /^environment variable SERVICE_NAMES is "amqp:\/\/u:\*\*\*@h", expected/],
  ])(
    'that names an invalid service throws, because otherwise every service would be consumed: %j',
    (variables, words) => {
      useEnvironment(variables as Record<string, string>);
      expect(refusal(create([]))).toMatch(words);
    },
  );

  test.each([{}, { SERVICE_NAMES: '' }, { SERVICE_NAMES: ' , ' }])(
    'that names none means every one: %j',
    (variables) => {
      useEnvironment(variables as Record<string, string>);
      expect(consumerConfig('createConsumer', [], { databaseUrl }).services).toBe('every');
    },
  );

  test.each([
    [
      { LOGHIVE_DATABASE_URL: 'mysql://u:secret@h/db' },
      /^environment variable LOGHIVE_DATABASE_URL: database URL "mysql:\/\/u:\*\*\*@h\/db": expected postgres:/,
    ],
    [{ DATABASE_URL: 'mysql://u:secret@h/db' }, /^environment variable DATABASE_URL: database URL "mysql:/],
    [
      { POSTGRES_DB_HOST: 'h', POSTGRES_DB_PORT: 'five', POSTGRES_DB_PASSWORD: 'secret' },
      /^POSTGRES_DB_HOST "h" and POSTGRES_DB_PORT "five" .* do not form a valid database address, expected a port/,
    ],
    [
      { POSTGRES_DB_HOST: 'h/x', POSTGRES_DB_PASSWORD: 'secret' },
      /^POSTGRES_DB_HOST "h\/x" and POSTGRES_DB_PORT "5432"/,
    ],
    [
      { POSTGRES_DB_HOST: 'postgres://app:secret@db:5432/logs' },
      /^POSTGRES_DB_HOST "postgres:\/\/app:\*\*\*@db:5432\/logs" and POSTGRES_DB_PORT "5432"/,
    ],
    [
      { POSTGRES_DB_HOST: 'h?sslmode=disable', POSTGRES_DB_PORT: '5433', POSTGRES_DB_NAME: 'prod' },
      /^POSTGRES_DB_HOST "h\?sslmode=disable" and POSTGRES_DB_PORT "5433" .* do not form a valid database address, expected a host name .* Correct them or set LOGHIVE_DATABASE_URL\.$/,
    ],
    [{ POSTGRES_DB_HOST: 'h?host=two' }, /^POSTGRES_DB_HOST "h\?host=two"/],
    [{ POSTGRES_DB_HOST: 'h#x' }, /^POSTGRES_DB_HOST "h#x"/],
    [{ POSTGRES_DB_HOST: 'h\\x' }, /^POSTGRES_DB_HOST "h/],
    [{ POSTGRES_DB_HOST: 'a b' }, /^POSTGRES_DB_HOST "a b"/],
    [{ POSTGRES_DB_HOST: 'app:secret@h' }, /^POSTGRES_DB_HOST "app:\*\*\*@h"/],
    // An empty host would mean localhost.
    [{ POSTGRES_DB_HOST: 'one,,two' }, /^POSTGRES_DB_HOST "one,,two"/],
    [{ POSTGRES_DB_HOST: ' ' }, /^POSTGRES_DB_HOST " "/],
    [{ POSTGRES_DB_HOST: '[]' }, /^POSTGRES_DB_HOST "\[\]"/],
    [
      { POSTGRES_DB_HOST: 'h', POSTGRES_DB_PORT: '1?host=two', POSTGRES_DB_NAME: 'prod' },
      /^POSTGRES_DB_HOST "h" and POSTGRES_DB_PORT "1\?host=two" .* expected a port from 1 to 65535/,
    ],
    [{ POSTGRES_DB_HOST: 'h', POSTGRES_DB_PORT: '5433/other?' }, /POSTGRES_DB_PORT "5433\/other\?"/],
    [{ POSTGRES_DB_HOST: 'h', POSTGRES_DB_PORT: '5433,two' }, /POSTGRES_DB_PORT "5433,two"/],
    [{ POSTGRES_DB_HOST: 'h', POSTGRES_DB_PORT: '70000' }, /POSTGRES_DB_PORT "70000"/],
    [
      {},
      /^no database is configured: pass the option "databaseUrl" \(postgres:.* or set LOGHIVE_DATABASE_URL, POSTGRES_DB_HOST\S+ or DATABASE_URL\.$/,
    ],
  ])('that names no database throws, for there is no default: %j', (variables, words) => {
    useEnvironment(variables as Record<string, string>);
    expect(refusal(create(['shop'], {}))).toMatch(words);
    expect(refusal(create(['shop'], {}))).not.toContain('secret');
    expect(refusal(() => migrationConfig('migrate', {}))).toMatch(words);
  });

  test('causes a log line with the default broker if it names none', () => {
    useEnvironment();
    const info = vi.spyOn(internalLogger, 'info').mockImplementation(() => {});
    onEnd(() => info.mockRestore());
    configOf();
    expect(info.mock.calls).toEqual([
      [
        'neither the option "url" nor LOGHIVE_URL, AMQP_URL or QUEUE_HOST names a broker; using amqp://guest:***@localhost:5672/.',
      ],
    ]);
    configOf({ url: 'amqp://h' });
    vi.stubEnv('QUEUE_HOST', 'h');
    configOf();
    expect(info).toHaveBeenCalledTimes(1);
  });
});

describe('retention', () => {
  test('is off by default, and comes from arguments before the environment', () => {
    const { warnings } = useEnvironment();
    expect(configOf().retention).toEqual({ days: undefined, levels: {} });
    vi.stubEnv('RETENTION_DAYS', '30');
    vi.stubEnv('RETENTION_DAYS_DEBUG', '3');
    vi.stubEnv('RETENTION_DAYS_CRITICAL', '');
    expect(configOf().retention).toEqual({ days: 30, levels: { DEBUG: 3 } });
    expect(configOf({ retentionDays: 90, retentionDaysDebug: 1, retentionDaysError: 90 }).retention).toEqual({
      days: 90,
      levels: { DEBUG: 1, ERROR: 90 },
    });
    expect(warnings()).toEqual([]);
  });

  test.each([0, -1, 1.5, 36_501, '30'])('of %j days is refused', (retentionDays) => {
    useEnvironment();
    expect(refusal(() => configOf({ retentionDays: retentionDays as number }))).toMatch(
      /option "retentionDays" is .*, expected an integer from 1 to 36500 \(days\)\.$/,
    );
  });

  test('deletes nothing if its environment variable is invalid', () => {
    const { warnings } = useEnvironment({ RETENTION_DAYS: '30d' });
    expect(configOf().retention).toEqual({ days: undefined, levels: {} });
    expect(warnings()).toEqual([
      'environment variable RETENTION_DAYS is "30d", expected an integer from 1 to 36500 (days); it is ignored. Correct it or set the option "retentionDays".',
    ]);
  });

  test('of a level must not exceed that of whole days, whatever its source', () => {
    useEnvironment({ RETENTION_DAYS: '30' });
    vi.stubEnv('RETENTION_DAYS_ERROR', '400');
    expect(refusal(() => configOf())).toMatch(
      /^option "retentionDaysError" \(RETENTION_DAYS_ERROR\) is 400, but option "retentionDays" \(RETENTION_DAYS\) is 30: whole days are dropped .* Set retentionDays to 400, and/,
    );
  });
});

test('config.env of the Python package works unchanged', () => {
  const setLevel = vi.spyOn(internalLogger, 'setLevel').mockImplementation(() => {});
  const { warnings } = useEnvironment(
    { SERVICE_NAMES: 'shop' },
    `LOG_LEVEL=DEBUG
POSTGRES_DB_HOST=localhost
POSTGRES_DB_USER=me
POSTGRES_DB_NAME=logs
POSTGRES_DB_PASSWORD=pg#secret
POSTGRES_DB_PORT=5433
QUEUE_HOST=localhost
QUEUE_USER=buddy
QUEUE_PASSWORD=mq-secret
QUEUE_PORT=5672
QUEUE_MAX_SIZE=10000000
CONSUMER_BATCH_SIZE=1000
ENABLE_EMAIL_MONITORING=False
EMAIL_HOST=smtp.example
EMAIL_PORT=123
EMAIL_SENDER_EMAIL=a@b.example
EMAIL_SENDER_PASSWORD=mail-secret
`,
  );
  const config = consumerConfig('createConsumer', undefined, {});
  expect(config.store.databaseUrl).toBe('postgres://me:pg%23secret@localhost:5433/logs');
  expect(config.batchSize).toBe(1000);
  expect(config.queues.maxLength).toBe(10_000_000);
  expect(warnings()).toEqual([]);
  setLevel.mockRestore();
});

test('a consumer can be started only once', async () => {
  useEnvironment();
  const nowhere = { url: 'amqp://127.0.0.1:1', databaseUrl: 'postgres://127.0.0.1:1/db' };
  const consumer = createConsumer(['shop'], nowhere);
  const started = consumer.start();
  await expect(consumer.start()).rejects.toMatchObject({
    code: 'LOGHIVE_CLOSED',
    message: 'the consumer is preparing; create a new one.',
  });
  await consumer.stop();
  await started;
  await expect(consumer.start()).rejects.toMatchObject({ code: 'LOGHIVE_CLOSED' });
});

test.each<[Record<string, string>, RegExp]>([
  [{ LOGHIVE_URL: 'host', AMQP_URL: 'amqp://two' }, /LOGHIVE_URL is "host", expected a URL such as/],
  [{ QUEUE_PORT: 'five' }, /QUEUE_PORT "five" are not a valid broker address/],
])('a consumer is refused if the environment has an invalid broker address: %j', (variables, words) => {
  useEnvironment(variables);
  expect(refusal(() => configOf())).toMatch(words);
});

test.each([
  ['/var/run/postgresql', 'postgres://postgres:@%2Fvar%2Frun%2Fpostgresql:5432/postgres'],
  ['::1', 'postgres://postgres:@[::1]:5432/postgres'],
  ['/var/my folder?', 'postgres://postgres:@%2Fvar%2Fmy%20folder%3F:5432/postgres'],
  ['db', 'postgres://postgres:@db:5432/postgres'],
])(
  'POSTGRES_DB_HOST is a name, an address or a folder, despite the variables that Kubernetes sets: %s',
  (host, url) => {
    useEnvironment({ POSTGRES_DB_HOST: host, POSTGRES_DB_PORT: 'tcp://10.0.0.1:5432' });
    expect(migrationConfig('test', {}).databaseUrl).toBe(url);
  },
);
