/** `redact: 'http'` hides the secrets of HTTP clients and servers wherever a record may contain them. */
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { inspect } from 'node:util';
import axios, { AxiosError, AxiosHeaders } from 'axios';
import { describe, expect, onTestFinished, test } from 'vitest';
import { type RedactOptions, redaction } from '../../src/fields/redact.js';
import { encodeRecord } from '../../src/record.js';

const stamp = { id: '01993f0e-1111-7111-8111-000000000001', epochMicros: 1_769_855_445_123_456 };
const S = 'S3CRET-value.of+the/test==';
const R = '[Redacted]';

function recordOf(information: unknown, message: unknown = 'm', options: RedactOptions = 'http') {
  const input = { service: 'shop', level: 'INFO' as const, message, information };
  return JSON.parse(encodeRecord({ ...input, redact: redaction(options) }, stamp, 1024 * 1024));
}

const hidden = (information: unknown, options?: RedactOptions) => recordOf(information, 'm', options).information;

describe('a field whose name is that of a secret', () => {
  const names = [
    ...[
      'authorization',
      'Authorization',
      'AUTHORIZATION',
      'proxy-authorization',
      'Proxy-Authorization',
      'x-authorization',
    ],
    ...['cookie', 'Cookie', 'set-cookie', 'Set-Cookie', 'setCookie', 'cookies', 'sessionCookie'],
    ...['x-api-key', 'X-API-Key', 'apiKey', 'api_key', 'APIKEY', 'apikey', 'x-api-key-header'],
    ...[
      'password',
      'Password',
      'PASSWORD',
      'DB_PASSWORD',
      'newPassword',
      'passwordAgain',
      'passwd',
      'passphrase',
      'pwd',
    ],
    ...[
      'token',
      'Token',
      'accessToken',
      'access_token',
      'refresh-token',
      'idToken',
      'X-Auth-Token',
      'csrfToken',
      'token2',
    ],
    ...['secret', 'clientSecret', 'client_secret', 'SECRET', 'secrets', 'passwords', 'tokens', 'credentials', 'jwt'],
    ...['pass_phrase', 'pass2', 'authHeader', 'pass_word', 'key-pass-phrase', 'passValue', 'auth_string'],
    ...['privateKey', 'secretAccessKey', 'authorizationHeader', 'tokenValue', 'auth', 'pass'],
  ];

  test.each(names)('is hidden at any depth: %s', (name) => {
    expect(hidden({ [name]: S })).toEqual({ [name]: R });
    expect(hidden({ a: [{ b: { [name]: S, c: 1 } }] })).toEqual({ a: [{ b: { [name]: R, c: 1 } }] });
    expect(JSON.stringify(hidden({ map: new Map([[name, S]]) }))).not.toContain('S3CRET');
    expect(
      JSON.stringify(hidden({ error: Object.assign(new Error('e'), { config: { headers: { [name]: S } } }) })),
    ).not.toContain('S3CRET');
    expect(JSON.stringify(hidden({ text: JSON.stringify({ a: 1, [name]: S }) }))).not.toContain('S3CRET');
    expect(JSON.stringify(hidden({ text: JSON.stringify({ body: JSON.stringify({ [name]: S }) }) }))).not.toContain(
      'S3CRET',
    );
    expect(JSON.stringify(hidden({ text: inspect({ a: 1, [name]: S, b: 2 }) }))).not.toContain('S3CRET');
    expect(
      JSON.stringify(hidden({ body: `a=1&${encodeURIComponent(name)}=${encodeURIComponent(S)}&b=2` })),
    ).not.toContain('S3CRET');
  });

  test.each([
    'tokenType',
    'tokenizer',
    'secretary',
    'authorize',
    'authorized',
    'cookieName',
    'author',
    'keys',
    'key',
    'monkey',
    'compass',
    'code',
    'passed',
    'bypass',
  ])('is not meant by the name %s', (name) => {
    expect(hidden({ [name]: 'shown', nested: [{ [name]: 'shown' }] })).toEqual({
      [name]: 'shown',
      nested: [{ [name]: 'shown' }],
    });
  });

  test.each<[string, unknown, unknown]>([
    ['numbers', { password: 1234 }, { password: R }],
    ['objects and lists', { token: { value: S }, 'set-cookie': [S, S] }, { token: R, 'set-cookie': R }],
    [
      'booleans, null and empty text',
      { token: true, secret: false, cookie: null, password: '' },
      { token: true, secret: false, cookie: null, password: '' },
    ],
    [
      'counts',
      { tokens: 512, maxTokens: 9, usage: { tokens: { prompt: 5 } } },
      { tokens: 512, maxTokens: 9, usage: { tokens: { prompt: 5 } } },
    ],
    [
      'collections of secrets',
      { tokens: { a: S, b: [S, 1] }, cookies: { id: S } },
      { tokens: { a: R, b: [R, 1] }, cookies: { id: R } },
    ],
    [
      'a field called __proto__',
      JSON.parse(`{"__proto__":{"token":"${S}"},"a":1}`),
      JSON.parse(`{"__proto__":{"token":"${R}"},"a":1}`),
    ],
  ])('is hidden only if its value can be a secret: %s', (_what, information, expected) => {
    expect(hidden(information)).toEqual(expected);
  });
});

describe('HTTP secrets', () => {
  test.each<[string, () => unknown]>([
    ['an object', () => ({ Authorization: S, Accept: '*/*' })],
    ['Headers', () => new Headers({ Authorization: S, Accept: '*/*' })],
    [
      'a Map',
      () =>
        new Map([
          ['Authorization', S],
          ['Accept', '*/*'],
        ]),
    ],
    ['entries', () => Object.entries({ Authorization: S, Accept: '*/*' })],
    ['a raw list', () => ['Host', 'h', 'Authorization', S, 'Accept', '*/*']],
    [
      'names and values',
      () => [
        { name: 'Authorization', value: S },
        { name: 'Accept', value: '*/*' },
      ],
    ],
    [
      'keys and values',
      () => [
        { key: 'Authorization', value: S },
        { key: 'Accept', value: '*/*' },
      ],
    ],
    ['AxiosHeaders', () => new AxiosHeaders({ Authorization: S, Accept: '*/*' })],
    ['a Request', () => new Request('http://h', { headers: { Authorization: S, Accept: '*/*' } })],
    ['a text', () => `GET / HTTP/1.1\r\nAuthorization: ${S} and more\r\nAccept: */*\r\n\r\n`],
    ['several cookies', () => ({ 'set-cookie': [S, `b=${S}`], Accept: '*/*' })],
  ])('are hidden in headers of every form: %s', (_what, make) => {
    for (const information of [
      { headers: make() },
      { request: { rawHeaders: make() } },
      { a: [make()] },
      make() as object,
    ]) {
      const json = JSON.stringify(hidden(information));
      expect(json).not.toContain('S3CRET');
      expect(json).toMatch(/\*\/\*|b=/);
    }
  });

  test('are hidden in rawHeaders, also by the end of a name', () => {
    const raw = ['X-Custom-Token', S, 'Accept', '*/*'];
    expect(hidden({ rawHeaders: raw })).toEqual({ rawHeaders: ['X-Custom-Token', R, 'Accept', '*/*'] });
    expect(hidden({ fields: ['password', 'email'] })).toEqual({ fields: ['password', 'email'] });
  });

  test('are hidden in a Map of which only the first entries are stored', () => {
    const many = Array.from({ length: 120_000 }, (_, at) => [`k${at}`, 'value']);
    const pairs = hidden({ map: new Map([['password', S], ...(many as [string, string][])]) }).map['[Map]'];
    expect(pairs.slice(0, 2)).toEqual([
      ['password', R],
      ['k0', 'value'],
    ]);
    expect(pairs.at(-1)).toMatch(/^…\[cut \d+ more\]$/);
    const cut = '…[cut 7 more]';
    expect(hidden({ headers: ['authorization', S, cut] })).toEqual({ headers: ['authorization', R, cut] });
  });

  test.each<[string, unknown, unknown]>([
    ['params', { sig: S, key: S, code: 7, page: 1 }, { sig: R, key: R, code: R, page: 1 }],
    ['query', { signature: S, a: { key: 'shown' } }, { signature: R, a: { key: 'shown' } }],
    ['searchParams', new URLSearchParams({ sig: S, a: 'b' }), expect.not.stringContaining('S3CRET')],
    ['searchParams', new Map([['sig', S]]), { '[Map]': [['sig', R]] }],
    [
      'queryString',
      [
        { name: 'sig', value: S },
        { key: 'code', value: S },
      ],
      [
        { name: 'sig', value: R },
        { key: 'code', value: R },
      ],
    ],
    ['query', 'sig=abc&page=1', `sig=${R}&page=1`],
    ['options', { key: 'shown', code: 'shown' }, { key: 'shown', code: 'shown' }],
  ])('are hidden under %s by the names of parameters in URLs (case %#)', (name, value, expected) => {
    const seen = hidden({ config: { [name]: value } }).config[name];
    expect(seen).toEqual(expected);
  });

  test('are hidden in an error of axios and in a request of Node', () => {
    const config = {
      url: `https://api/x?access_token=${S}`,
      headers: new AxiosHeaders({ Authorization: `Bearer ${S}` }),
      data: `{"password":"${S}"}`,
      auth: { username: 'u', password: S },
    };
    const error = new AxiosError('failed', 'E', config as never);
    const request = http.request({ host: '127.0.0.1', port: 1, headers: { Authorization: S, cookie: S } });
    request.on('error', () => {}).destroy();
    const { information } = recordOf({ error, request });
    expect(JSON.stringify(information)).not.toContain('S3CRET');
    expect(information).toMatchObject({
      error: { name: 'AxiosError', config: { url: `https://api/x?access_token=${R}` } },
      request: { method: 'GET' },
    });
  });
});

test('HTTP secrets are hidden in a printed error of axios, however deep it is printed', async () => {
  const server = http.createServer((_request, response) => {
    response.writeHead(401, { 'set-cookie': `sid=${S}; HttpOnly`, 'content-type': 'application/json' });
    response.end(JSON.stringify({ access_token: S, why: 'no' }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  const { port } = server.address() as AddressInfo;
  const error: AxiosError = await axios
    .post(
      `http://127.0.0.1:${port}/pay?api_key=${S}`,
      { password: S },
      { headers: { 'X-Api-Key': S, Cookie: `sid=${S}; other=${S}` }, params: { key: S, q: 'shown' } },
    )
    .catch((reason) => reason);
  expect(error.response?.status).toBe(401);
  for (const depth of [2, 6, 10]) {
    const text = inspect(error, { depth });
    expect(text).toContain('S3CRET');
    const { message, information } = recordOf({ text, json: JSON.stringify({ text }) }, text);
    expect(JSON.stringify([message, information])).not.toContain('S3CRET');
    expect(message).toContain('shown');
  }
});

describe('a text in a field or as the message', () => {
  test.each<[string, string]>([
    [`amqp://guest:${encodeURIComponent(S)}@host:5672/v`, `amqp://guest:${R}@host:5672/v`],
    ['connect postgres://u:p@ss@h/db failed', `connect postgres://u:${R}@h/db failed`],
    ['https://ghp_0123456789abcdefghij@github.com/x', `https://${R}@github.com/x`],
    ['ssh://git@github.com/x', 'ssh://git@github.com/x'],
    ['http://h/reset?token=abc&next=/a', `http://h/reset?token=${R}&next=/a`],
    ['/cb?code=abc&state=1', `/cb?code=${R}&state=1`],
    ['/maps?key=AIza&q=1', `/maps?key=${R}&q=1`],
    ['https://s3/x?X-Amz-Signature=abc&X-Amz-Date=1', `https://s3/x?X-Amz-Signature=${R}&X-Amz-Date=1`],
    ['https://h/#access_token=abc&token_type=bearer', `https://h/#access_token=${R}&token_type=bearer`],
    ['user=a&password=b c', `user=a&password=${R} c`],
    ['curl -H "Authorization: Bearer abc123def456"', `curl -H "Authorization: ${R}"`],
    ['sent Bearer abc123def456 to h', `sent Bearer ${R} to h`],
    ['eyJhbGciOiJI.eyJzdWIiOiIx.sig-1 expired', `${R} expired`],
    ['Cookie: a=1; b=2\nHost: h', `Cookie: ${R}\nHost: h`],
    ["{ password: 'a b', user: 'x' }", `{ password: '${R}', user: 'x' }`],
    ['{"password":"a\\"b","user":"x"}', `{"password":"${R}","user":"x"}`],
    ['{\\"token\\":\\"abc\\",\\"a\\":1}', `{\\"token\\":\\"${R}\\",\\"a\\":1}`],
    ["'set-cookie': [ 'a=1', 'b=2' ], x: 1", `'set-cookie': [${R}], x: 1`],
    ["Map(1) { 'authorization' => 'abc' }", `Map(1) { 'authorization' => '${R}' }`],
    ['{"credentials":{"user":{"id":1},"pin":"abc"},"a":1}', `{"credentials":{${R}},"a":1}`],
    ['{"secrets":[["a"],["b","c"]],"a":1}', `{"secrets":[${R}],"a":1}`],
    ['{"secret":{"a":"}\\"}","b":"abc"},"c":1}', `{"secret":{${R}},"c":1}`],
    ['{\\"secret\\":{\\"a\\":\\"}\\\\\\"}\\",\\"b\\":1},\\"c\\":1}', `{\\"secret\\":{${R}},\\"c\\":1}`],
    ["{ secret: { a: '}', b: [ 'abc' ] }, c: 1 }", `{ secret: {${R}}, c: 1 }`],
    ['{"secret":{"a":{"b":"c"},"d":"never closed', `{"secret":{${R}`],
    ['{"password":12345678,"a":1}', `{"password":"${R}","a":1}`],
    ['{\\"password\\":-1.5e3,\\"a\\":1}', `{\\"password\\":\\"${R}\\",\\"a\\":1}`],
    ['{ password: 12345678, a: 1 }', `{ password: ${R}, a: 1 }`],
    ['{"tokens":512,"password":null,"a":1}', '{"tokens":512,"password":null,"a":1}'],
    ['tok-eyJhbGciOiJI.eyJzdWIiOiIx.sig-1', `tok-${R}`],
    ['api.example-host.eyJhbGciOiJI.eyJzdWIiOiIx.sig-1', `api.example-host.${R}`],
    ['X-Auth-Token: abc def\nHost: h', `X-Auth-Token: ${R}\nHost: h`],
    ['x-amz-security-token: abc\nHost: h', `x-amz-security-token: ${R}\nHost: h`],
    ['X-CSRF-Token: abc\nX-XSRF-Token: abc', `X-CSRF-Token: ${R}\nX-XSRF-Token: ${R}`],
    [
      `{"_header":"GET / HTTP/1.1\\r\\nX-Api-Key: abc\\r\\nCookie: a=1\\r\\n\\r\\n"}`,
      `{"_header":"GET / HTTP/1.1\\r\\nX-Api-Key: ${R}\\r\\nCookie: ${R}\\r\\n\\r\\n"}`,
    ],
    [
      '{"rawHeaders":["Host","h","Cookie","a=1","X-Api-Key","b"]}',
      `{"rawHeaders":["Host","h","Cookie","${R}","X-Api-Key","${R}"]}`,
    ],
    [
      "rawHeaders: [\n    'Set-Cookie',\n    'a=1; HttpOnly',\n    'Accept', 'x' ]",
      `rawHeaders: [\n    'Set-Cookie',\n    '${R}',\n    'Accept', 'x' ]`,
    ],
    ['[[\\"cookie\\",\\"a=1\\"],[\\"accept\\",\\"x\\"]]', `[[\\"cookie\\",\\"${R}\\"],[\\"accept\\",\\"x\\"]]`],
    ["[ [ 'cookie', 'a=1' ], [ 'accept', 'x' ] ]", `[ [ 'cookie', '${R}' ], [ 'accept', 'x' ] ]`],
    [
      '[{"name":"X-My-Token","value":"a\\"b"},{"name":"Accept","value":"x"}]',
      `[{"name":"X-My-Token","value":"${R}"},{"name":"Accept","value":"x"}]`,
    ],
    ["{ key: 'Cookie', value: 'a=1' }", `{ key: 'Cookie', value: '${R}' }`],
    ['{"params":{"key":"abc","page":"1"},"key":"shown"}', `{"params":{"key":"${R}","page":"1"},"key":"shown"}`],
    [
      "params: { page: '1', sig: 'abc', code: 7 }, key: 'shown'",
      `params: { page: '1', sig: '${R}', code: ${R} }, key: 'shown'`,
    ],
    ['{"token":"never closed', `{"token":"${R}`],
    ['Unexpected token } in JSON', 'Unexpected token } in JSON'],
    ['Invalid token: expected 5', 'Invalid token: expected 5'],
    ['basic authentication failed', 'basic authentication failed'],
    ['a = b, c: "d"', 'a = b, c: "d"'],
    ['password is missing', 'password is missing'],
    ['mail to a@b.example', 'mail to a@b.example'],
  ])('is stored without its secrets: %s', (text, expected) => {
    expect(recordOf({ text, deep: [{ text }] }, text)).toMatchObject({
      message: expected,
      information: { text: expected, deep: [{ text: expected }] },
    });
  });

  test('is stored without its secrets as the message and stack of an error', () => {
    const error = new Error('GET http://h/?token=abc failed');
    const { message, information } = recordOf({ error }, error);
    expect(message).toBe(`GET http://h/?token=${R} failed`);
    expect(information.error.message).toBe(message);
    expect(information.error.stack).toContain(`token=${R} failed`);
  });

  test.each([
    'token="'.repeat(200_000),
    `${'a'.repeat(1_000_000)}token`,
    `token${'\\'.repeat(1_000_000)}`,
    '://'.repeat(300_000),
    `://${'a'.repeat(1_000_000)} token`,
    `://a:${'b'.repeat(1_000_000)} token`,
    `authorization: ${'a '.repeat(500_000)}`,
    'token:'.repeat(200_000),
    'a=b&'.repeat(300_000).concat('token'),
    'eyJ'.repeat(300_000),
    'eyJaaaaaaaa.'.repeat(100_000),
    '-eyJ'.repeat(262_144),
    'eyJ-'.repeat(262_144),
    `token ${'-eyJ'.repeat(262_144)}.`,
    'eyJaaaaaaaa-.'.repeat(80_000),
    'bearer '.repeat(200_000),
    'token:{'.repeat(150_000),
    `token:{${"'\\\\".repeat(300_000)}`,
    `token:{${'\\\\'.repeat(500_000)}`,
    'token:1'.repeat(150_000),
    `token:${'1'.repeat(1_000_000)}`,
    `p${'-'.repeat(1_000_000)}`,
    'p-a-s-s-'.repeat(130_000),
    `auth${'-'.repeat(1_000_000)}`,
    `pass${'1-'.repeat(500_000)}`,
    `pass${'text'.repeat(250_000)}`,
    'pass1'.repeat(200_000),
    `token: [${'"a",'.repeat(300_000)}`,
    `secret ${'-'.repeat(1_000_000)}=`,
    '\\"token\\":\\"'.repeat(100_000),
    '"cookie","'.repeat(100_000),
    `"cookie",${' '.repeat(1_000_000)}`,
    `"cookie"${',\\n'.repeat(300_000)}`,
    'name:"token",value:"'.repeat(50_000),
    'params:{'.repeat(150_000),
    `params:{${'key:{'.repeat(150_000)}`,
    'params:{},'.repeat(100_000),
  ])('is searched quickly even if it is long (case %#)', { timeout: 10_000 }, (text) => {
    recordOf({ text }, text);
  });
});

test("the application's own values are not changed, and a record without secrets is not searched", () => {
  const information = { order: 7, headers: { Authorization: S }, list: [['token', S]] };
  const before = structuredClone(information);
  hidden(information);
  expect(information).toEqual(before);
  expect(redaction('http')?.concerns('{"order":7,"user":"ann"}')).toBe(false);
});

test('a record over the size limit is cut after its secrets are hidden', () => {
  const line = encodeRecord(
    {
      service: 's',
      level: 'INFO',
      message: `token="${'S3CRET'.repeat(5000)}"`,
      information: { password: 'S3CRET'.repeat(5000) },
      redact: redaction('http'),
    },
    stamp,
    2048,
  );
  expect(line).not.toContain('S3CRET');
});

describe('the preset', () => {
  test('can be combined with paths, censor and remove', () => {
    const information = { user: { email: 'a@b', name: 'Ann' }, token: S };
    expect(hidden(information, { preset: 'http', paths: ['user.email'] })).toEqual({
      user: { email: R, name: 'Ann' },
      token: R,
    });
    expect(hidden(information, { preset: 'http', paths: ['user.email'], censor: '***' })).toEqual({
      user: { email: '***', name: 'Ann' },
      token: '***',
    });
    expect(hidden({ ...information, url: '/?token=abc' }, { preset: 'http', remove: true })).toEqual({
      user: information.user,
      url: `/?token=${R}`,
    });
  });

  test('is not meant by a path called http', () => {
    expect(hidden({ http: 1, token: S }, ['http'])).toEqual({ http: R, token: S });
  });
});
