import { createHmac, timingSafeEqual } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import type { NoticeContent } from '../../../consumer/alerts/notice.js';
import { createWebhook, signature } from '../../../consumer/alerts/webhook.js';
import { useWebhookServer } from '../../support/use-mail-server.js';
import { onEnd, useChild } from '../../support/use-servers.js';
import { eventually } from '../../support/wait.mjs';
import { item, write } from '../store/database.js';
import { useAlertLoop, useAlertStore } from './use-alerts.js';

const ID = '01993f0e-77aa-7bbb-8ccc-0123456789ab';
const SECRET = 'webhook-secret';
const content: NoticeContent = { kind: 'test', host: 'box' };
const post = (url: string, secret: string | undefined = SECRET) =>
  createWebhook({ url, secret }, 'http').send({ id: ID, content }, new AbortController().signal);

test('an error is posted as signed JSON with a text for Slack', async () => {
  const server = await useWebhookServer();
  const { store, database } = await useAlertStore();
  useAlertLoop(database.url, { webhook: { url: server.url, secret: SECRET } });
  const information = JSON.stringify({
    password: 'geheim',
    error: { name: 'TypeError', message: 'no', stack: 'TypeError: no\n  at a' },
  });
  await write(store, [item({ level: 'ERROR', message: '<!channel> & order 17', information })]);
  await eventually(() => expect(server.requests).toHaveLength(1));
  const [{ body, headers }] = server.requests as [(typeof server.requests)[0]];
  const [, time, digest] = /^t=(\d+),v1=([0-9a-f]{64})$/.exec(String(headers['loghive-signature']))!;
  const expected = createHmac('sha256', SECRET).update(`${time}.${body}`).digest();
  expect(timingSafeEqual(expected, Buffer.from(digest!, 'hex'))).toBe(true);
  expect(headers['content-type']).toBe('application/json');
  const sent = JSON.parse(body);
  expect(sent).toMatchObject({
    ...{ version: 1, kind: 'error', service: 'shop', level: 'ERROR', new: true, count: 1 },
    title: '<!channel> & order <number> | TypeError: no',
    example: { message: '<!channel> & order 17', error: 'TypeError: no\n  at a' },
  });
  expect(sent.text).toBe(
    '*new: ERROR shop: &lt;!channel&gt; &amp; order &lt;number&gt; | TypeError: no*\nCount: 1 · Time: ' +
      `${sent.last.slice(0, 10)} ${sent.last.slice(11, 19)} UTC · New: not seen in the last 7 days\n\`\`\`TypeError: no\n  at a\`\`\``,
  );
  expect(body).not.toContain('geheim');
});

test('the signature covers the time and the body', () => {
  expect(signature('secret', '{}', 1_700_000_000)).toBe(
    `t=1700000000,v1=${createHmac('sha256', 'secret').update('1700000000.{}').digest('hex')}`,
  );
});

test('nothing is signed without a secret', async () => {
  const server = await useWebhookServer();
  expect(
    await createWebhook({ url: server.url, secret: undefined }, 'http').send(
      { id: ID, content },
      new AbortController().signal,
    ),
  ).toBe('200 ok');
  expect(server.requests[0]?.headers['loghive-signature']).toBeUndefined();
});

test('a redirect is not followed, and reported without a secret in its path', async () => {
  const other = await useWebhookServer();
  const server = await useWebhookServer((response) => response.writeHead(307, { location: other.url }).end());
  const error = await post(server.url).then(
    () => undefined,
    (thrown: Error) => thrown,
  );
  expect(error?.message).toMatch(
    /^http:\/\/127\.0\.0\.1:\d+\/\*\*\* answered 307 and redirects to http:\/\/127\.0\.0\.1:\d+\/\*\*\*; redirects are not followed\. Set ALERT_WEBHOOK_URL/,
  );
  expect(error?.message).not.toContain('x9-secret');
  expect(other.requests).toEqual([]);
});

test.each([
  [404, /answered "404 no such hook"\. Check ALERT_WEBHOOK_URL/, true],
  [500, /answered "500 no such hook"/, false],
  [429, /answered "429 no such hook"/, false],
])('a response with status %i is a readable failure', async (status, words, isPermanent) => {
  const server = await useWebhookServer((response) =>
    response.writeHead(status).end('no such\nhook'.replace('\n', ' ')),
  );
  await expect(post(server.url)).rejects.toMatchObject({ message: expect.stringMatching(words), isPermanent });
});

test('an endless response is not read completely', async () => {
  const server = await useWebhookServer((response) => {
    response.writeHead(200);
    const more = () => response.writable && response.write('x'.repeat(10_000), () => setImmediate(more));
    more();
  });
  expect(await post(server.url)).toMatch(/^200 x{100}/);
});

test('an alert is accepted by status even if the response body breaks off', async () => {
  const server = await useWebhookServer((response) => {
    response.writeHead(200, { 'content-length': 100 });
    response.write('ok', () => response.destroy());
  });
  expect(await post(server.url)).toMatch(/^200/);
});

test('an unreachable webhook is reported', async () => {
  await expect(post('http://127.0.0.1:1/x')).rejects.toMatchObject({
    message: expect.stringMatching(
      /^http:\/\/127\.0\.0\.1:1\/\*\*\* cannot be reached: .*\. Check ALERT_WEBHOOK_URL\.$/,
    ),
    isPermanent: false,
  });
});

test('a failing webhook does not delay mails, and gets its alert when it works', async () => {
  let answers = 0;
  const server = await useWebhookServer((response) => response.writeHead(++answers < 4 ? 503 : 200).end());
  const { store, database } = await useAlertStore();
  const { notices } = useAlertLoop(database.url, { webhook: { url: server.url, secret: SECRET } });
  await write(store, [item({ level: 'ERROR' })]);
  await eventually(() =>
    expect(notices.all).toEqual([expect.stringMatching(/^alerts cannot be sent by webhook: .*503/)]),
  );
  await eventually(() => expect(notices.all).toEqual([]));
  expect(new Set(server.requests.map(({ body }) => JSON.parse(body).id))).toHaveLength(1);
});

test('the example of docs/alerts.md accepts signed requests and refuses others', async () => {
  const documented = /```js\n(\/\/ receive\.mjs\n.*?)```/s.exec(readFileSync('docs/alerts.md', 'utf8'))?.[1];
  const file = path.join(mkdtempSync(path.join(tmpdir(), 'loghive-webhook-')), 'receive.mjs');
  writeFileSync(file, documented ?? '');
  onEnd(() => rmSync(path.dirname(file), { recursive: true }));
  const child = useChild(file, { env: { ALERT_WEBHOOK_SECRET: SECRET, PORT: '0' } });
  const [, port] = await child.waitForLine(/listening on (\d+)/);
  const url = `http://127.0.0.1:${port}/`;
  expect(await post(url)).toBe('204');
  await child.waitForLine(/test alert/);
  await expect(post(url, 'another')).rejects.toThrow(/answered "403/);
  const old = await fetch(url, {
    method: 'POST',
    body: '{}',
    headers: { 'loghive-signature': signature(SECRET, '{}', 1) },
  });
  expect(old.status).toBe(403);
});
