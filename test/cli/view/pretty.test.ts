import { inspect, stripVTControlCharacters } from 'node:util';
import stringWidth from 'string-width';
import { describe, expect, test } from 'vitest';
import { highlightOf } from '../../../cli/view/highlight.js';
import { createPretty, type PrettyOptions } from '../../../cli/view/pretty.js';
import { parseQuery } from '../../../query/index.js';
import type { StoredRecord } from '../../../src/record.js';

function record(fields: Partial<StoredRecord> & { information?: string } = {}): StoredRecord {
  return {
    id: '01993f0e-0000-7000-8000-000000000001',
    timestamp: '2026-01-31T10:30:45.123456Z',
    service: 'shop',
    level: 'INFO',
    message: 'order placed',
    information: '{}',
    ...fields,
  };
}

const SAME_DAY = Date.parse('2026-01-31T10:31:00Z');
const pretty = (options: Partial<PrettyOptions> = {}) =>
  createPretty({ color: false, timeZone: 'UTC', now: () => SAME_DAY, ...options });
const plain = (fields?: Partial<StoredRecord>, options?: Partial<PrettyOptions>) => pretty(options)(record(fields));

describe('a record on a terminal', () => {
  test('is one line: time, level, service, message, fields', () => {
    expect(plain({ information: '{"order":7}' })).toBe('10:30:45.123  INFO      shop  order placed  order=7');
  });

  test.each([
    ['UTC', '10:30:45.123'],
    ['Europe/Berlin', '11:30:45.123'],
    ['Asia/Kathmandu', '16:15:45.123'],
    ['America/Los_Angeles', '02:30:45.123'],
    ['Pacific/Kiritimati', '2026-02-01 00:30:45.123'],
  ])('shows the time of the time zone %s', (timeZone, time) => {
    const now = () => Date.parse('2026-01-31T09:00:00Z');
    expect(plain({}, { timeZone, now })).toMatch(new RegExp(`^${time}  INFO`));
  });

  test.each(['2026-02-01T10:31:00Z', '2026-01-30T10:29:00Z', '2027-01-31T10:31:00Z'])(
    'has its date where it is of another day than now, %s',
    (now) => {
      expect(plain({}, { now: () => Date.parse(now) })).toMatch(/^2026-01-31 10:30:45\.123 {2}INFO/);
    },
  );

  test('has its date on request, so that lines of several days are aligned', () => {
    expect(plain({}, { dates: true })).toMatch(/^2026-01-31 10:30:45\.123 {2}INFO/);
  });

  test('without information ends with its message', () => {
    expect(plain()).toBe('10:30:45.123  INFO      shop  order placed');
  });

  test("has its error's stack below it, and the error's other fields beside the message", () => {
    const error = {
      name: 'Error',
      message: 'refused',
      stack: 'Error: refused\n    at pay (shop.js:1:2)',
      code: 'E_CARD',
    };
    expect(plain({ level: 'ERROR', message: 'payment failed', information: JSON.stringify({ order: 7, error }) })).toBe(
      [
        '10:30:45.123  ERROR     shop  payment failed  order=7 error.code=E_CARD',
        '              Error: refused',
        '                  at pay (shop.js:1:2)',
      ].join('\n'),
    );
  });

  test('has the stacks of the causes below that', () => {
    const cause = { name: 'Error', message: 'limit', stack: 'Error: limit\n    at b', code: 'E_LIMIT' };
    const error = { name: 'Error', message: 'refused', stack: 'Error: refused\n    at a', cause };
    expect(plain({ information: JSON.stringify({ error }) })).toBe(
      [
        '10:30:45.123  INFO      shop  order placed  error.cause.code=E_LIMIT',
        '              Error: refused',
        '                  at a',
        '              caused by Error: limit',
        '                  at b',
      ].join('\n'),
    );
  });

  test('does not repeat a stack that is its message, as console.error(error) logs it', () => {
    const cause = new Error('limit reached');
    const error = Object.assign(new Error('card refused', { cause }), { code: 'E_CARD' });
    const { name, message, stack, code } = error;
    const logged = {
      name,
      message,
      stack,
      code,
      cause: { name: cause.name, message: cause.message, stack: cause.stack },
    };
    const shown = plain({ message: inspect(error), information: JSON.stringify({ error: logged }) });
    expect(shown.match(/Error: card refused/g)).toHaveLength(1);
    expect(shown).toContain('error.code=E_CARD');
    const single = plain({ message: `failed: ${error.stack}`, information: JSON.stringify({ error: { stack } }) });
    expect(single.match(/Error: card refused/g)).toHaveLength(1);
  });

  test.each([11, 5500, 200_000])('has the stacks of the first ten of %i causes, and the rest as JSON', (depth) => {
    const level = (n: number) => `{"name":"Error","message":"m${n}","stack":"Error: m${n}","n":${n}`;
    const levels = Array.from({ length: depth }, (_, n) => level(n)).join(',"cause":');
    const shown = plain({ information: `{"error":${levels}${'}'.repeat(depth)}}` });
    expect(shown.split('\n').slice(-10)).toEqual(
      Array.from({ length: 10 }, (_, n) => `              ${n === 0 ? '' : 'caused by '}Error: m${n}`),
    );
    expect(shown).toMatch(
      / error\.n=0 error\.cause\.n=1 error\.cause\.cause\.n=2\n {14}error\.cause\.cause\.cause=\{\n/,
    );
    expect(shown.length).toBeLessThan(10_000);
  });

  test('is shown however deep its information is nested', () => {
    const deep = (depth: number) => `${'{"a":['.repeat(depth)}1${']}'.repeat(depth)}`;
    expect(plain({ information: deep(200_000) })).toMatch(/^10\S+ {2}INFO {6}shop {2}order placed\n {14}a=\[/);
    const error = `{"stack":"Error: x","fields":${deep(200_000)}}`;
    expect(plain({ information: `{"error":${error}}` })).toMatch(/\n {14}error\.fields\.a=\[[\s\S]*\n {14}Error: x$/);
  });

  test('keeps the digits of its numbers, also beside the stack of an error', () => {
    const information = '{"order":12345678901234567890,"error":{"stack":"Error: x","sum":0.10000000000000000001}}';
    expect(plain({ information })).toContain('order=12345678901234567890 error.sum=0.10000000000000000001');
  });

  test('continues the lines of a message below it', () => {
    expect(plain({ message: 'one\r\ntwo\nthree' })).toBe(
      '10:30:45.123  INFO      shop  one\n              two\n              three',
    );
  });

  test('cannot control the terminal', () => {
    expect(plain({ message: '\x1b[2Jgone \u202egnp.exe \x07' })).toBe(
      '10:30:45.123  INFO      shop  \\x1b[2Jgone \\u202egnp.exe \\x07',
    );
  });

  test.each<[string, Partial<StoredRecord>]>([
    ['service', { service: 'x\n12:00:00.000  ERROR     bank  forged' }],
    ['service', { service: 'x\x1b[2J\r\x9b\u202e' }],
    ['message', { message: 'x\r12:00:00.000\x9b2J\u2028\u0085\x0b\x0c' }],
    ['information', { information: '{"a":1,\n"12:00:00.000  ERROR     bank  forged":2}' }],
    ['information', { information: '{"a":"\x7f\x9b2J\u2028\u2066"}' }],
    ['stack', { information: JSON.stringify({ error: { stack: 'Error: x\n12:00:00.000  ERROR\r\x1b[2J' } }) }],
    ['field of the error', { information: '{"error":{"stack":"Error: x",\n"12:00:00.000  ERROR":"\u202e"}}' }],
    ['cause', { information: JSON.stringify({ error: { stack: 'x', cause: { stack: 'y\n12:00:00.000' } } }) }],
    ['timestamp', { timestamp: 'no time\n\x1b[2J' }],
  ])('cannot contain a forged line: %s %j', (_, fields) => {
    const shown = plain(fields);
    expect(shown).not.toMatch(/[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\u202e\u2066]/);
    for (const line of shown.split('\n').slice(1)) expect(line).toMatch(/^ {14}/);
  });

  test('is cut between characters', () => {
    expect(plain({ message: `${'x'.repeat(1999)}😀😀` })).toMatch(/x… \(4 more\)$/);
  });

  test('is cut if it is long, and shows by how much', () => {
    expect(plain({ message: 'x'.repeat(2500) })).toMatch(/x{2000}… \(500 more\)$/);
  });

  test('is colored by level only if colors are enabled', () => {
    const esc = '\x1b[';
    expect(plain({ level: 'ERROR' }, { color: true })).toContain(`${esc}31mERROR`);
    expect(plain({ level: 'ERROR' })).not.toContain(esc);
  });

  test.each([
    ['{"a":{"b":{"c":1}}}', 'a.b.c=1'],
    ['{"a":true,"b":null,"c":1.50,"d":""}', 'a=true b=null c=1.50 d=""'],
    ['{"a":"plain-text/1.2","b":"two words"}', 'a=plain-text/1.2 b="two words"'],
    ['{"a":"7","b":"true","c":"-1e9"}', 'a="7" b="true" c="-1e9"'],
    ['{"a":["x",1],"b":{},"c":[]}', 'a=["x",1] b={} c=[]'],
    ['{"a b":1,"x=y":2}', '"a b"=1 "x=y"=2'],
    [JSON.stringify({ a: 'é漢\u202e"' }), 'a="é漢\\u202e\\""'],
  ])('shows the fields %s as %s', (information, fields) => {
    expect(plain({ information })).toBe(`10:30:45.123  INFO      shop  order placed  ${fields}`);
  });

  test('has texts of several lines and larger JSON below it', () => {
    const information = JSON.stringify({
      sql: 'SELECT *\n  FROM orders\n',
      items: [
        { sku: 'a-1', count: 2 },
        { sku: 'b-2', count: 1, note: 'as a gift, please wrap' },
      ],
      ms: 12,
    });
    expect(plain({ information }).split('\n')).toEqual([
      '10:30:45.123  INFO      shop  order placed  ms=12',
      '              sql=',
      '                SELECT *',
      '                  FROM orders',
      '              items=[',
      '                {',
      '                  "sku": "a-1",',
      '                  "count": 2',
      '                },',
      '                {',
      '                  "sku": "b-2",',
      '                  "count": 1,',
      '                  "note": "as a gift, please wrap"',
      '                }',
      '              ]',
    ]);
  });

  test('lays out a message that is JSON, and keeps its digits', () => {
    const message = `{"event":"${'x'.repeat(60)}","id":12345678901234567890,"tags":[]}`;
    expect(plain({ message }).split('\n')).toEqual([
      '10:30:45.123  INFO      shop  {',
      `                "event": "${'x'.repeat(60)}",`,
      '                "id": 12345678901234567890,',
      '                "tags": []',
      '              }',
    ]);
    expect(plain({ message: `{"not JSON${'x'.repeat(80)}` }).split('\n')).toHaveLength(1);
  });

  test('shows the stack that Winston puts beside the other fields', () => {
    const information = JSON.stringify({ stack: 'Error: refused\n    at pay (shop.js:1:2)', code: 'E_CARD' });
    expect(plain({ information })).toBe(
      '10:30:45.123  INFO      shop  order placed  code=E_CARD\n              Error: refused\n                  at pay (shop.js:1:2)',
    );
  });

  test('shows the stack of an error under any name, at any depth', () => {
    const information = JSON.stringify({ job: { failure: { stack: 'TypeError: x\n    at a' } } });
    expect(plain({ information })).toMatch(/order placed\n {14}TypeError: x\n {18}at a$/);
  });

  test.each([
    ['WARNING', 'warn', ''],
    ['ERROR', 'err', ''],
    ['INFO', 'http', '  level=http'],
    ['DEBUG', '', '  level=""'],
  ] as const)("shows the logger's own name of the level %s if it says more: %s", (level, name, shown) => {
    const text = plain({ level, information: JSON.stringify({ level: name }) });
    expect(text).toBe(`10:30:45.123  ${level.padEnd(8)}  shop  order placed${shown}`);
  });

  test('shows the first hundred fields, and how many there are', () => {
    const information = JSON.stringify(Object.fromEntries(Array.from({ length: 5000 }, (_, n) => [`f${n}`, n])));
    expect(plain({ information })).toMatch(/ f99=99 … 4900 more fields$/);
  });
});

describe('fields that do not fit on the line', () => {
  const information = JSON.stringify({
    customer: 'c-12',
    country: 'Österreich',
    carrier: 'スピード宅配',
    route: '/checkout/pay',
  });
  const narrow = (fields: Partial<StoredRecord>, columns: number) =>
    plain({ information, ...fields }, { columns: () => columns });

  test('continue below, without splitting one', () => {
    expect(narrow({}, 80).split('\n')).toEqual([
      '10:30:45.123  INFO      shop  order placed  customer=c-12 country=Österreich',
      '              carrier=スピード宅配 route=/checkout/pay',
    ]);
  });

  test('follow all lines of the message', () => {
    expect(narrow({ message: 'one\ntwo' }, 60).split('\n')).toEqual([
      '10:30:45.123  INFO      shop  one',
      '              two',
      '              customer=c-12 country=Österreich',
      '              carrier=スピード宅配 route=/checkout/pay',
    ]);
  });

  test.each([40, 60, 80, 120])('keep to %i columns, also with colors and wide characters', (columns) => {
    const shown = plain({ information, message: '注文' }, { columns: () => columns, color: true });
    expect(
      shown
        .split('\n')
        .map((line) => stringWidth(line))
        .filter((width) => width > columns),
    ).toEqual([]);
  });

  test('stay on one line where there is no terminal', () => {
    expect(plain({ information })).not.toContain('\n');
  });
});

describe('fields that say which process logged', () => {
  const of = (pid: number, service = 'shop') =>
    record({ service, information: JSON.stringify({ hostname: 'web-1', pid, order: 7 }) });

  test('are shown when they change, not on every line', () => {
    const show = pretty();
    const fields = [of(1), of(1), of(1, 'till'), of(1), of(2), of(2), of(1)].map((each) => show(each).slice(44));
    expect(fields).toEqual([
      'order=7 hostname=web-1 pid=1',
      'order=7',
      'order=7 hostname=web-1 pid=1',
      'order=7',
      'order=7 pid=2',
      'order=7',
      'order=7 pid=1',
    ]);
  });

  test('are shown on every line if they were asked for', () => {
    const show = pretty({ fields: ['pid'] });
    show(of(1));
    expect(show(of(1))).toMatch(/placed {2}pid=1 order=7$/);
  });
});

describe('colors', () => {
  const colored = (fields: Partial<StoredRecord>, options: Partial<PrettyOptions> = {}) =>
    plain(fields, { color: true, ...options });
  const colorOf = (service: string) => /\x1b\[([\d;]+)m(?:shop|till|web|api|mail|auth)/.exec(colored({ service }))?.[1];

  test('a service has the same color in every run, and others have others', () => {
    expect(colorOf('shop')).toBe(colorOf('shop'));
    const services = ['shop', 'till', 'web', 'api', 'mail', 'auth'];
    expect(new Set(services.map(colorOf)).size).toBeGreaterThan(2);
    expect(services.map(colorOf).filter((color) => color?.startsWith('31'))).toEqual([]);
  });

  test.each([
    ['card', '[card] refused  order.id=7'],
    ['"Card Ref" refused', '[card ref][used]  order.id=7'],
    ['/re.use/ or c', '[c]ard [refuse]d  order.id=7'],
    ['order.id:7 -card', 'card refused  order.id=[7]'],
    ['level:info service:shop', 'card refused  order.id=7'],
  ])('mark what the query %s found', (query, shown) => {
    const options = { highlight: highlightOf(parseQuery(query)) };
    const fields = { message: 'card refused', information: '{"order":{"id":7}}' };
    const text = colored(fields, options).replaceAll('\x1b[30;43m', '[').replaceAll('\x1b[49;39m', ']');
    expect(stripVTControlCharacters(text)).toBe(`10:30:45.123  INFO      shop  ${shown}`);
    expect(plain(fields, options)).not.toContain('\x1b');
  });

  test('dim what is only context, and calls in dependencies', () => {
    const show = pretty({ color: true });
    expect(show(record(), 'context')).toMatch(/^(?:\x1b\[2m[^\x1b]*\x1b\[22m *)+order placed$/);
    const stack =
      'Error: x\n    at own (shop.js:1:1)\n    at Socket.emit (node:events:524:28)\n    at q (/app/node_modules/pg/a.js:1:1)';
    const lines = show(record({ information: JSON.stringify({ error: { stack } }) })).split('\n');
    expect(lines.slice(1).map((line) => line.includes('\x1b[2m'))).toEqual([false, false, true, true]);
  });
});
