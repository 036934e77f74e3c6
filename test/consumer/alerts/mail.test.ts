/** Content of mails: everything from a record is shown as plain text. Sent to a real mail server. */
import { expect, test } from 'vitest';
import type { Example } from '../../../consumer/alerts/event.js';
import { createMailer } from '../../../consumer/alerts/mailer.js';
import type { NoticeContent } from '../../../consumer/alerts/notice.js';
import type { RedactOptions } from '../../../src/fields/redact.js';
import { type ReceivedMail, useMailServer } from '../../support/use-mail-server.js';

const ID = '01993f0e-77aa-7bbb-8ccc-0123456789ab';

function errorOf(
  example: Partial<Example>,
  changes: Partial<Extract<NoticeContent, { kind: 'error' }>['group']> = {},
): NoticeContent {
  const times = { first: '2026-01-31T10:00:00.000000Z', last: '2026-01-31T10:05:00.000000Z' };
  return {
    kind: 'error',
    group: {
      shape: '0123456789abcdef',
      title: 'it failed',
      service: 'shop',
      level: 'ERROR',
      records: 1204,
      isNew: true,
      ...times,
      ...changes,
    },
    example: { id: ID, timestamp: times.first, message: 'it failed', information: {}, ...example },
  };
}

async function mailOf(content: NoticeContent, redact: RedactOptions = 'http'): Promise<ReceivedMail> {
  const server = await useMailServer();
  const answer = await createMailer(server.settings, redact).send({ id: ID, content }, new AbortController().signal);
  expect(answer).toBe('250 queued as 42');
  expect(server.mails).toHaveLength(1);
  return server.mails[0]!;
}

test('a mail has the count, the time range, and one complete example with stack and cause', async () => {
  const cause = {
    name: 'Error',
    message: 'refused',
    stack: 'Error: refused\n    at deep (c.js:1:1)',
    code: 'ECONNREFUSED',
  };
  const error = {
    name: 'TypeError',
    message: 'x is undefined',
    stack: 'TypeError: x is undefined\n    at pay (a.js:1:2)',
    cause,
  };
  const { text, html, subject, headers } = await mailOf(
    errorOf({ message: 'order 17 failed', information: { order: 17, error } }),
  );
  expect(subject).toBe('new: ERROR shop: it failed');
  expect(text.trimEnd()).toBe(`ERROR  shop  (new)

it failed

Count   1,204
First   2026-01-31 10:00:00 UTC
Last    2026-01-31 10:05:00 UTC
New     not seen in the last 7 days
Record  ${ID}

Example of 2026-01-31 10:00:00 UTC -----------------------------------------

order 17 failed

Error ----------------------------------------------------------------------

TypeError: x is undefined
    at pay (a.js:1:2)

Caused by: Error: refused
    at deep (c.js:1:1)
{"code":"ECONNREFUSED"}

Fields ---------------------------------------------------------------------

{
  "order": 17
}

-- 
Sent by Loghive. Further occurrences of this error are reported in the next digest. Shape 0123456789abcdef.`);
  for (const part of ['1,204', 'order 17 failed', 'at pay (a.js:1:2)', 'at deep (c.js:1:1)', '&quot;order&quot;: 17']) {
    expect(html).toContain(part);
  }
  expect(headers.get('auto-submitted')).toBe('auto-generated');
  expect(headers.get('from')).toBe('Loghive <alerts@example.test>');
});

test('no part of a record is interpreted as HTML, header, link or image', async () => {
  const evil =
    '<img src="https://evil.test/x.png" onerror=\'alert(1)\'></td></table><script>alert(1)</script>&amp;<a href="javascript:1">';
  const header = 'shop\r\nBcc: all@evil.test\r\n\r\nbody\u2028\u202etxt\0\x1b[31m';
  const { raw, headers, html, text, to, subject } = await mailOf(
    errorOf(
      {
        message: `${evil}\r\n.\r\nQUIT\r\n`,
        id: evil,
        information: { [evil]: evil, error: { name: evil, message: evil, stack: evil, cause: evil } },
      },
      { service: header, title: `${evil}\r\nBcc: all@evil.test` },
    ),
  );
  expect(to).toEqual(['ops@example.test']);
  expect([...headers.keys()]).not.toContain('bcc');
  expect(raw.split('\r\n\r\n')[0]).not.toMatch(/^bcc/im);
  expect(subject).toContain('shop\\r\\nBcc: all@evil.test\\r\\n\\r\\nbody\\u2028\\u202etxt\\x00\\x1b[31m');
  // The mail template has no such tags.
  expect(html).not.toMatch(/<(?:img|script|a|link|iframe|object|form|svg)\b/i);
  expect((html.match(/<[^>]*>/g) ?? []).join('')).not.toMatch(/\s(?:src|href|background|on\w+)=|url\(/i);
  expect(/<style>(.*?)<\/style>/s.exec(html)?.[1]).not.toMatch(/url\(|@import/);
  expect(html.match(/<table/g)?.length).toBe(html.match(/<\/table>/g)?.length);
  expect(html).toContain('&lt;script&gt;alert(1)&lt;/script&gt;&amp;amp;');
  for (const part of [html, text]) expect(part).not.toMatch(/[\0\x1b\u2028\u202e]/);
});

test.each<[string, Partial<Example>]>([
  ['a huge message', { message: 'x'.repeat(10_000_000) }],
  ['huge fields', { information: { list: Array.from({ length: 50_000 }, (_, at) => `item ${at}`) } }],
  ['a huge stack', { information: { error: { name: 'E', message: 'm', stack: '<&>\n'.repeat(1_000_000) } } }],
])('%s is cut, and the mail says so', async (_, example) => {
  const { raw, text } = await mailOf(errorOf(example));
  expect(text).toMatch(/…\[cut \d+ characters\]/);
  expect(raw.length).toBeLessThan(100_000);
});

test.each<[string, unknown]>([
  ['no object', 'text'],
  ['a list', [1]],
  ['nothing', undefined],
  ['a deep cause', { error: { cause: { cause: { cause: { cause: { cause: { cause: { cause: 'x' } } } } } } } }],
  ['an error of numbers', { error: { name: 1, message: 2, stack: 3, cause: 4 } }],
])('information that is %s still causes a mail', async (_, information) => {
  const { text } = await mailOf(errorOf({ information } as unknown as Partial<Example>));
  expect(text).toContain('it failed');
});

test('values of the option redact and of HTTP clients are not in the mail', async () => {
  const information = {
    card: '4111',
    headers: { authorization: 'Bearer abcdefghijk' },
    url: 'https://u:geheim@h/?token=zyxwvut',
  };
  const secrets = ['abcdefghijk', 'geheim', 'zyxwvut', 'hunter2'];
  const message = 'login failed: password=hunter2';
  const http = await mailOf(errorOf({ information, message }, { title: message }));
  for (const secret of secrets) expect(http.raw + http.text + http.html + http.subject).not.toContain(secret);
  expect(http.text).toContain('4111');
  const both = await mailOf(errorOf({ information, message }), { preset: 'http', paths: ['card'] });
  expect(both.text).not.toContain('4111');
  expect(both.text).toContain('"card": "[Redacted]"');
});

test('the subject is short for any message', async () => {
  const { subject } = await mailOf(errorOf({}, { title: `${'ä€😀 '.repeat(200)}` }));
  expect(subject.length).toBeLessThanOrEqual(120);
  expect(subject).toMatch(/^new: ERROR shop: ä€😀 .*…$/);
  expect((await mailOf(errorOf({}, { title: '', isNew: false }))).subject).toBe('ERROR shop: (no message)');
});

test('sending to a server that never answers times out', async () => {
  const server = await useMailServer();
  const giveUp = new AbortController();
  const mailer = createMailer({ ...server.settings, tls: 'none', password: undefined }, 'http');
  await server.stop();
  const net = await import('node:net');
  const silent = net.createServer();
  await new Promise<void>((resolve) => silent.listen(server.port, '127.0.0.1', resolve));
  silent.on('connection', () => giveUp.abort());
  await expect(mailer.send({ id: ID, content: errorOf({}) }, giveUp.signal)).rejects.toMatchObject({
    code: 'LOGHIVE_ALERT_FAILED',
  });
  await new Promise((resolve) => silent.close(resolve));
});
