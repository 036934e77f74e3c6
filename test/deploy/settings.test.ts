/** Environment variables in deploy/. */
import { describe, expect, test } from 'vitest';
import { consumerConfig } from '../../consumer/config.js';
import { useEnvironment } from '../support/use-environment.js';
import { files, settingsOf, textOf, yamlOf } from './files.js';

/** Names for other software: container images, Node, Compose. */
const OTHERS = [
  'NODE_ENV',
  'NODE_IMAGE',
  'POSTGRES_DB',
  'POSTGRES_PASSWORD',
  'POSTGRES_USER',
  'RABBITMQ_DEFAULT_PASS',
  'RABBITMQ_DEFAULT_USER',
  'RABBITMQ_PASSWORD',
];

/** Variables that a consumer reads when it is configured by separate settings instead of URLs. */
function asked(): Set<string> {
  const names = new Set<string>();
  const own = process.env;
  process.env = new Proxy({ POSTGRES_DB_HOST: 'db' } as NodeJS.ProcessEnv, {
    get(target, name) {
      names.add(String(name));
      return Reflect.get(target, name);
    },
  });
  try {
    consumerConfig('consume', [], {}, true);
  } finally {
    process.env = own;
  }
  return names;
}

test('every environment variable is read by some software', () => {
  useEnvironment();
  const known = new Set([...asked(), ...OTHERS]);
  // Variables that Loghive does not read are unknown.
  expect(known).toContain('QUEUE_PASSWORD');
  expect(known).not.toContain('LOGHIVE_SERVICES');
  const named = files.flatMap((file) =>
    [...textOf(file).matchAll(/(?<![\w.])[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+\b/g)].map(([name]) => ({ file, name })),
  );
  expect(named.length).toBeGreaterThan(50);
  expect(named.filter(({ name }) => !known.has(name) && !/^AF_/.test(name))).toEqual([]);
});

/** With the default values of unset variables. */
function substituted(value: unknown): string {
  return String(value).replace(/\$\{\w+:-([^}]*)\}/g, '$1');
}

describe('a consumer accepts without a warning', () => {
  test('the settings of the service, including commented ones', () => {
    const { warnings } = useEnvironment(settingsOf('systemd/consumer.env'));
    const config = consumerConfig('consume', [], {}, true);
    expect(warnings()).toEqual([]);
    expect(config).toMatchObject({
      services: ['shop', 'other'],
      retention: { days: 90 },
      workers: 2,
      http: { host: '127.0.0.1', port: 7464 },
      alerts: { mail: { host: 'smtp.example.com', recipients: ['ops@example.com'] } },
    });
  });

  test('the settings of compose.yaml and the image', () => {
    const [{ services }] = yamlOf('compose.yaml');
    const variables = Object.entries(services.consumer.environment).map(([name, value]) => [name, substituted(value)]);
    const { warnings } = useEnvironment({ ...Object.fromEntries(variables), CONSUMER_HTTP_HOST: '0.0.0.0' });
    const config = consumerConfig('consume', [], {}, true);
    expect(warnings()).toEqual([]);
    expect(config).toMatchObject({
      services: 'every',
      broker: { hosts: [{ hostname: 'rabbitmq', port: 5672, username: 'loghive', password: 'loghive' }] },
      store: { databaseUrl: 'postgres://loghive:loghive@postgres:5432/logs' },
      http: { host: '0.0.0.0', port: 7464 },
      alerts: { mail: { host: 'mail', port: 1025, tls: 'none' } },
    });
  });

  test('the settings of Kubernetes with the example secret', () => {
    const [secret] = yamlOf('kubernetes/secret.example.yaml');
    const [{ spec }] = yamlOf('kubernetes/deployment.yaml');
    // biome-ignore lint/suspicious/noExplicitAny: an entry of `env`
    const variables = spec.template.spec.containers[0].env.map(({ name, value, valueFrom }: any) => {
      expect(valueFrom?.secretKeyRef.name ?? secret.metadata.name).toBe(secret.metadata.name);
      return [name, value ?? secret.stringData[valueFrom.secretKeyRef.key]];
    });
    const { warnings } = useEnvironment(Object.fromEntries(variables));
    const config = consumerConfig('consume', [], {}, true);
    expect(warnings()).toEqual([]);
    expect(config).toMatchObject({
      broker: { hosts: [{ hostname: 'rabbitmq.example.com' }] },
      store: { databaseUrl: 'postgres://loghive:password@postgres.example.com:5432/logs' },
      workers: 2,
      http: { host: '0.0.0.0', port: 7464 },
    });
  });
});
