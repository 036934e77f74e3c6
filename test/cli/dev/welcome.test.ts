import { execFileSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { welcome } from '../../../cli/dev/welcome.js';

const of = (brokerUrl: string | undefined) =>
  welcome({ brokerUrl, service: 'till', servers: ['your RabbitMQ'], psql: undefined });

test.each([
  'amqp://127.0.0.1:5672',
  "amqp://u:***@h/it's",
  'amqp://h/a&b;c d$e`f"g',
  'amqp://h/a\\b',
  'amqp://[::1]/*',
])('what is to be pasted has the address %j, in JavaScript and in a shell', (url) => {
  const text = of(url);
  const [, literal = ''] = /LoghiveTransport\({ service: 'till', url: (.*) }\)/.exec(text) ?? [];
  expect(new Function(`return ${literal}`)()).toBe(url);
  const [, variables = ''] = /^ {2}(LOGHIVE_SERVICE=.*) node --import/m.exec(text) ?? [];
  const shown = execFileSync('sh', ['-c', `${variables} printenv LOGHIVE_URL`], { encoding: 'utf8' });
  expect(shown).toBe(`${url}\n`);
});

test('where the address is LOGHIVE_URL of the environment, it is not repeated', () => {
  expect(of(undefined)).toContain("new LoghiveTransport({ service: 'till' })");
  expect(of(undefined)).toContain('LOGHIVE_SERVICE=till node --import');
});
