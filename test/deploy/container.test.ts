/** The image and compose.yaml, as far as they can be tested without a container engine. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { expect, test } from 'vitest';
import { PATHS } from '../../consumer/http/routes.js';
import { DEFAULT_HTTP_PORT } from '../../consumer/http/settings.js';
import { freePort } from '../support/ports.mjs';
import { uniqueName, useBroker, useChild, useDatabase } from '../support/use-servers.js';
import { STOP_MS, textOf, useInstallation, yamlOf } from './files.js';

/** The instructions of the Dockerfile with their arguments, without comments and line breaks. */
const instructions = textOf('Dockerfile')
  .replace(/^#.*\n/gm, '')
  .replaceAll('\\\n', ' ')
  .split('\n')
  .filter((line) => line.trim() !== '')
  .map((line) => ({ name: line.slice(0, line.indexOf(' ')), rest: line.slice(line.indexOf(' ') + 1).trim() }));
const last = (name: string) => instructions.findLast((instruction) => instruction.name === name)!.rest;
/** The exec form is JSON; otherwise PID 1 is a shell. */
const words = (text: string): string[] => JSON.parse(text.slice(text.indexOf('[')));

const entrypoint = words(last('ENTRYPOINT'));
const command = words(last('CMD'));
const check = words(last('HEALTHCHECK'));
const [{ services, volumes }] = yamlOf('compose.yaml');

test('the Dockerfile has only known instructions, and its last stage does not run as root', () => {
  const known = ['ARG', 'FROM', 'WORKDIR', 'COPY', 'RUN', 'ENV', 'USER', 'EXPOSE', 'HEALTHCHECK', 'ENTRYPOINT', 'CMD'];
  expect(instructions.filter(({ name }) => !known.includes(name))).toEqual([]);
  const stages = instructions.flatMap(({ name }, at) => (name === 'FROM' ? [at] : []));
  expect(stages).toHaveLength(2);
  const image = instructions.slice(stages.at(-1)).map(({ name }) => name);
  expect(image).toEqual(['FROM', 'ENV', 'COPY', 'WORKDIR', 'USER', 'EXPOSE', 'HEALTHCHECK', 'ENTRYPOINT', 'CMD']);
  expect(last('USER')).toMatch(/^[1-9]\d*:[1-9]\d*$/);
  expect(Number(last('EXPOSE'))).toBe(DEFAULT_HTTP_PORT);
});

test('the health check uses an existing path and the port of the consumer', () => {
  const [, port, asked] = /\|\| (\d+)\}(\/\w+)`/.exec(check.join(' '))!;
  expect(Number(port)).toBe(DEFAULT_HTTP_PORT);
  expect(PATHS).toContain(asked);
});

async function healthCheck(env: Record<string, string>): Promise<number> {
  expect(check[0]).toBe('node');
  const [code] = await once(spawn(process.execPath, check.slice(1), { env, stdio: 'ignore' }), 'exit');
  return code;
}

test('the command of the image is healthy while it runs, even with its servers down, and ends on SIGTERM', {
  timeout: 60_000,
}, async () => {
  const [broker, database, port] = await Promise.all([useBroker(), useDatabase(), freePort()]);
  const place = useInstallation();
  const variables = Object.fromEntries(
    last('ENV')
      .split(/\s+/)
      .map((pair) => pair.split('=')),
  );
  expect(variables).toEqual({ NODE_ENV: 'production', CONSUMER_HTTP_HOST: '0.0.0.0' });
  const env = { ...variables, CONSUMER_HTTP_PORT: String(port), SERVICE_NAMES: uniqueName('svc') };
  const start = (url: string, databaseUrl: string) =>
    useChild(command[0]!, {
      nodePath: entrypoint[0]!.replace('/opt/loghive', place),
      args: command.slice(1),
      cwd: last('WORKDIR').replace('/opt/loghive', place),
      inheritEnv: false,
      env: {
        ...env,
        PATH: `${path.dirname(process.execPath)}:/usr/bin:/bin`,
        LOGHIVE_URL: url,
        LOGHIVE_DATABASE_URL: databaseUrl,
      },
    });
  expect(await healthCheck(env)).toBe(1);
  const waiting = start('amqp://127.0.0.1:1', 'postgres://u@127.0.0.1:1/x');
  await waiting.waitForLine(/health and metrics at/, 30_000);
  expect(await healthCheck(env)).toBe(0);
  await waiting.kill('SIGTERM');
  expect(await waiting.exited).toEqual({ code: 0, signal: null });

  const child = start(broker.url, database.url);
  await child.waitForLine(/taking messages of/, 30_000);
  expect(await healthCheck(env)).toBe(0);
  await child.kill('SIGTERM');
  expect(await child.exited).toEqual({ code: 0, signal: null });
  expect(await healthCheck(env)).toBe(1);
});

// biome-ignore lint/suspicious/noExplicitAny: a service of compose.yaml
const each = Object.entries<any>(services);

test('compose.yaml refers only to existing services, conditions and volumes', () => {
  expect(Object.keys(services)).toEqual(['rabbitmq', 'postgres', 'mail', 'consumer']);
  for (const [, service] of each) {
    // biome-ignore lint/suspicious/noExplicitAny: an entry of `depends_on`
    for (const [name, { condition }] of Object.entries<any>(service.depends_on ?? {})) {
      expect(Object.keys(services)).toContain(name);
      if (condition === 'service_healthy') expect(services[name].healthcheck.test[0]).toBe('CMD');
      else expect(condition).toBe('service_started');
    }
    const named = (service.volumes ?? []).map((volume: string) => volume.split(':')[0]);
    for (const name of named) expect(Object.keys(volumes)).toContain(name);
  }
  expect(services.consumer.depends_on).toMatchObject({
    rabbitmq: { condition: 'service_healthy' },
    postgres: { condition: 'service_healthy' },
  });
});

test('compose.yaml binds ports to localhost, and allows the consumer enough time to shut down', () => {
  const ports = each.flatMap(([, service]) => service.ports ?? []);
  expect(ports.filter((port: string) => !/^127\.0\.0\.1:(\d+):\1$/.test(port))).toEqual([]);
  expect(services.consumer.ports).toEqual([`127.0.0.1:${DEFAULT_HTTP_PORT}:${DEFAULT_HTTP_PORT}`]);
  expect(Number.parseInt(services.consumer.stop_grace_period, 10) * 1000).toBeGreaterThan(STOP_MS);
  expect(services.consumer.stop_grace_period).toMatch(/^\d+s$/);
});
