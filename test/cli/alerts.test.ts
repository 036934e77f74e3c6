/** `loghive alerts test` and `loghive alerts preview` on the command line. */
import { tmpdir } from 'node:os';
import { expect, test } from 'vitest';
import { item, newStore, write } from '../consumer/store/database.js';
import { type MailServer, useMailServer, useWebhookServer } from '../support/use-mail-server.js';
import { useChild } from '../support/use-servers.js';

const program = new URL('../../dist/esm/cli/main.js', import.meta.url).pathname;

async function alerts(args: string[], env: Record<string, string> = {}) {
  const child = useChild(program, { args: ['alerts', ...args], env, cwd: tmpdir() });
  const { code } = await child.exited;
  return { code, stdout: child.stdout, stderr: child.stderr };
}

const environmentOf = ({ settings }: MailServer, changes: Record<string, string> = {}) => ({
  ...{ ENABLE_EMAIL_MONITORING: 'True', EMAIL_HOST: settings.host, EMAIL_PORT: String(settings.port) },
  ...{
    EMAIL_SENDER_EMAIL: settings.sender,
    EMAIL_SENDER_PASSWORD: settings.password!,
    EMAIL_CA_FILE: settings.caFile!,
  },
  ...{ EMAIL_RECIPIENTS: 'ops@example.test', ...changes },
});

test('alerts test sends one alert per channel and prints the responses', async () => {
  const [mail, webhook] = await Promise.all([useMailServer(), useWebhookServer()]);
  const env = environmentOf(mail, { ALERT_WEBHOOK_URL: webhook.url });
  expect(await alerts(['test'], env)).toEqual({
    code: 0,
    stdout: [
      `mail: localhost:${mail.port} accepted it: 250 queued as 42`,
      `webhook: ${new URL(webhook.url).origin}/*** accepted it: 200 ok`,
    ],
    stderr: [],
  });
  expect(mail.mails.map(({ subject }) => subject)).toEqual(['Loghive: test alert']);
  expect(JSON.parse(webhook.requests[0]!.body)).toMatchObject({ kind: 'test' });
});

test("alerts test reports the server's response to a wrong password, and exits with 1", async () => {
  const mail = await useMailServer();
  const { code, stdout } = await alerts(
    ['test', '-o', 'json'],
    environmentOf(mail, { EMAIL_SENDER_PASSWORD: 'wrong-secret' }),
  );
  expect(code).toBe(1);
  expect(JSON.parse(stdout.join(''))).toEqual([
    {
      channel: 'mail',
      target: `localhost:${mail.port}`,
      accepted: false,
      answer: expect.stringMatching(
        /refuses the login of alerts@example\.test: it answered "535 5\.7\.8 .*"\. Correct EMAIL_USER/,
      ),
    },
  ]);
  expect(stdout.join('')).not.toContain('wrong-secret');
});

test('alerts test without a channel reports what to set, and exits with 2', async () => {
  expect(await alerts(['test'])).toEqual({
    code: 2,
    stdout: [],
    stderr: [
      expect.stringMatching(
        /^loghive: no alert channel is configured: set ENABLE_EMAIL_MONITORING=True with EMAIL_HOST, .* ALERT_WEBHOOK_URL\.$/,
      ),
    ],
  });
});

test('alerts preview shows which e-mails would have been sent', async () => {
  const { store, url } = await newStore();
  const at = (minutes: number) => new Date(Date.now() - minutes * 60_000).toISOString();
  await write(
    store,
    [90, 89, 88].map((minutes, order) =>
      item({ level: 'ERROR', message: `order ${order} failed`, timestamp: at(minutes) }),
    ),
  );
  const { code, stdout } = await alerts(['preview', '--since', '2h', '--database-url', url]);
  expect(code).toBe(0);
  expect(stdout).toEqual([
    expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ {10}1 {2}new: ERROR shop: order <number> failed$/),
    expect.stringMatching(/Z {10}2 {2}Digest: 2 errors of 1 kind in shop$/),
    expect.stringMatching(
      /^2 mails since .*Z \(1 single error, 1 digest\), of 3 ERROR and CRITICAL records\. Nothing was sent\.$/,
    ),
  ]);
  const json = await alerts(['preview', '--since', '2h', '--database-url', url, '-o', 'json']);
  expect(JSON.parse(json.stdout.join(''))).toMatchObject({
    errors: 3,
    notices: [
      { kind: 'error', records: 1, groups: 1 },
      { kind: 'digest', records: 2, groups: 1 },
    ],
  });
});

test.each<[string[], RegExp]>([
  [
    ['preview', '--since', 'lately', '--database-url', 'postgres://h/db'],
    /^loghive: alerts preview: option --since is "lately", expected an age such as 90m, 24h, 7d or 2w, or a time in the past/,
  ],
  [
    ['preview', '-o', 'xml'],
    /^loghive: option '-o, --output <format>' argument 'xml' is invalid\. .*See loghive alerts preview --help\.$/,
  ],
  [['send'], /^loghive: unknown command 'send'.*See loghive alerts --help\.$/],
])('%j is refused with a hint', async (args, words) => {
  const { code, stderr } = await alerts(args);
  expect(code).toBe(2);
  expect(stderr.join(' ')).toMatch(words);
});
