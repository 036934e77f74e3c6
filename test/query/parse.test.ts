/** The query language: what a text means, and where it is wrong. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Condition, isInvalidQuery, parseQuery, TRACE_FIELDS } from '../../query/index.js';
import { LoghiveError } from '../../src/errors.js';

const condition = (text: string) => parseQuery(text).condition;
const text = (words: string): Condition => ({ type: 'text', text: words });
const equals = (path: string[][], ...values: object[]) => ({
  type: 'field',
  paths: path,
  test: { type: 'equals', values },
});

describe('a query', () => {
  test.each<[string, unknown]>([
    ['', { type: 'everything' }],
    ['  *  ', { type: 'everything' }],
    ['refused', text('refused')],
    ['"card refused"', text('card refused')],
    ['"C:\\temp \\"x\\" \\\\"', text('C:\\temp "x" \\')],
    ["it's", text("it's")],
    ['card refused', { type: 'and', conditions: [text('card'), text('refused')] }],
    ['card and refused', { type: 'and', conditions: [text('card'), text('refused')] }],
    ['card OR refused', { type: 'or', conditions: [text('card'), text('refused')] }],
    ['android', text('android')],
    ['"or"', text('or')],
    ['-health', { type: 'not', condition: text('health') }],
    ['not health', { type: 'not', condition: text('health') }],
    ['- - health', { type: 'not', condition: { type: 'not', condition: text('health') } }],
    [
      '-(a or b) c',
      {
        type: 'and',
        conditions: [{ type: 'not', condition: { type: 'or', conditions: [text('a'), text('b')] } }, text('c')],
      },
    ],
    ['a b or c', { type: 'or', conditions: [{ type: 'and', conditions: [text('a'), text('b')] }, text('c')] }],
    ['level:error', { type: 'level', levels: ['ERROR'] }],
    ['level:Warn,fatal', { type: 'level', levels: ['WARNING', 'CRITICAL'] }],
    ['level>=warning', { type: 'level', levels: ['WARNING', 'ERROR', 'CRITICAL'] }],
    ['level:>=warning', { type: 'level', levels: ['WARNING', 'ERROR', 'CRITICAL'] }],
    ['level<info', { type: 'level', levels: ['DEBUG'] }],
    ['level!=info', { type: 'not', condition: { type: 'level', levels: ['INFO'] } }],
    ['service:shop,till', { type: 'service', services: ['shop', 'till'] }],
    ['service:"my shop"', { type: 'service', services: ['my shop'] }],
    ['message:refused', text('refused')],
    ['order:7', equals([['order']], { text: '7', json: '7' })],
    ['order="7"', equals([['order']], { text: '7' })],
    ['order.id:7', equals([['order', 'id'], ['order.id']], { text: '7', json: '7' })],
    ['"order.id":7', equals([['order.id']], { text: '7', json: '7' })],
    ['a."b c".d:x', equals([['a', 'b c', 'd'], ['a.b c.d']], { text: 'x' })],
    ['"level":7', equals([['level']], { text: '7', json: '7' })],
    ['information.level:notice', equals([['level']], { text: 'notice' })],
    ['paid:true', equals([['paid']], { text: 'true', json: 'true' })],
    ['n:-1.5e3', equals([['n']], { text: '-1.5e3', json: '-1.5e3' })],
    ['n:007', equals([['n']], { text: '007' })],
    ['url:https://x/y', equals([['url']], { text: 'https://x/y' })],
    ['a:1,"2",b', equals([['a']], { text: '1', json: '1' }, { text: '2' }, { text: 'b' })],
    [
      'tookMs>500',
      {
        type: 'field',
        paths: [['tookMs']],
        test: { type: 'compares', comparison: '>', value: { text: '500', json: '500' } },
      },
    ],
    ['exists:trace_id', { type: 'field', paths: [['trace_id']], test: { type: 'exists' } }],
    ['trace_id:*', { type: 'field', paths: [['trace_id']], test: { type: 'exists' } }],
  ])('%j', (written, meaning) => {
    expect(condition(written)).toEqual(meaning);
  });

  test('looks for ids and traces in the fields that usually hold them, and in those of the settings', () => {
    const usual = condition('id:r-7');
    const paths = [
      ...TRACE_FIELDS.flatMap((name) => (name === 'req.id' ? [['req', 'id'], ['req.id']] : [[name]])),
      ['id'],
    ];
    expect(usual).toEqual(equals(paths, { text: 'r-7' }));
    expect(parseQuery('trace:r-7', { traceFields: ['correlation'] }).condition).toEqual(
      equals([['correlation'], ['trace']], { text: 'r-7' }),
    );
  });

  test('has regular expressions in the message and in fields', () => {
    expect(condition('/time.?out/i')).toMatchObject({
      type: 'pattern',
      column: 'message',
      pattern: { sql: 'time.?out', ignoresCase: true },
    });
    expect(condition('customer:/^c-/')).toMatchObject({ type: 'field', test: { type: 'matches' } });
    expect(condition('service:/^shop/')).toMatchObject({ type: 'pattern', column: 'service' });
    expect(condition('/a\\/b/')).toMatchObject({ pattern: { sql: 'a\\/b' } });
  });

  test('has texts that PostgreSQL can store: NUL and lone surrogates become what they are stored as', () => {
    expect(condition('"a\0b\ud800"')).toEqual(text('a\u2400b\ufffd'));
  });
});

/** The wrong part of the query, and why. */
function fault(written: string): [string, string] {
  try {
    parseQuery(written);
  } catch (error) {
    if (!isInvalidQuery(error)) throw error;
    return [written.slice(error.start, error.end), error.reason];
  }
  throw new Error(`no error: ${written}`);
}

describe('an error points at the characters that are wrong', () => {
  test.each<[string, string, RegExp]>([
    ['level:eror', 'eror', /"eror" is not a level. The levels are debug, info, warning, error, critical/],
    ['(a or b', '(', /not closed/],
    ['a) b', ')', /not opened/],
    ['a ()', '()', /empty/],
    ['"card', '"', /quote is not closed/],
    ['order.id:', '', /a value must follow/],
    ['order.id: 7', ' ', /a value must follow/],
    ['a:1,,2', ',', /a value must follow/],
    ['a or', 'or', /nothing follows "or"/],
    ['or a', 'or', /nothing stands before "or"/],
    ['and a', 'and', /between two conditions/],
    ['a -', '-', /a condition must follow/],
    ['service>shop', '>', /only be compared with ":"/],
    ['exists:', '', /the name of a field/],
    ['""', '""', /empty/],
    ['http://shop', '//', /Put a text with slashes in quotes/],
    ['/refused', '/', /no closing slash/],
    ['/refused/x', 'x', /only flag/],
    ['/a(b/', '(', /no closing parenthesis/],
    ['/a)b/', ')', /not opened/],
    ['/[a/', '[', /no closing bracket/],
    ['/[b-a]/', 'b-a', /wrong order/],
    ['/*a/', '*', /nothing to repeat/],
    ['/a**/', 'a**', /cannot be repeated/],
    ['/(a+)+/', '(a+)+', /very long/],
    ['/a{300}/', 'a{300}', /255/],
    ['/(?=a)/', '(?=', /not supported/],
    ['/(a)\\1/', '\\1', /not supported/],
    ['/^*/', '^*', /anchor/],
  ])('%s', (written, part, reason) => {
    const [wrong, why] = fault(written);
    expect(why).toMatch(reason);
    expect(wrong).toBe(part);
  });

  test('also in queries that are too long, too deep, or have too many conditions', () => {
    expect(fault('a'.repeat(10_001))[1]).toMatch(/10000 characters/);
    expect(fault('('.repeat(60))[1]).toMatch(/50 deep/);
    expect(fault('-'.repeat(60))[1]).toMatch(/50 deep/);
    expect(fault('a '.repeat(600))[1]).toMatch(/500 conditions/);
    expect(fault(`/${'(a{200}){200}'}/`)[1]).toMatch(/too large/);
  });

  test('and says where in its message', () => {
    expect(() => parseQuery('level:eror')).toThrow(LoghiveError);
    expect(() => parseQuery('level:eror')).toThrow(/^the query is invalid at character 7: "eror" is not a level/);
  });
});

/** Parts of the language, put together at random. */
const hostile = fc
  .array(
    fc.oneof(
      fc.constantFrom(
        '(',
        ')',
        '"',
        '/',
        '\\',
        ':',
        '>=',
        ',',
        '-',
        ' or ',
        ' and ',
        'not ',
        'level',
        'service',
        'exists:',
        '*',
        '[',
        ']',
        '{',
        '}',
        '?',
        '+',
        '|',
        '^',
        '$',
        '.',
        '\0',
        '\ud800',
        '😀',
        '%',
        "'",
        ';',
        '--',
        '$1',
        '1e999',
        ' ',
      ),
      fc.string({ unit: 'binary', maxLength: 8 }),
    ),
    { maxLength: 30 },
  )
  .map((parts) => parts.join(''));

test('any text is a query, or an error with a position inside it', () => {
  fc.assert(
    fc.property(hostile, (written) => {
      try {
        parseQuery(written);
      } catch (error) {
        if (!isInvalidQuery(error)) throw error;
        expect(error.start).toBeGreaterThanOrEqual(0);
        expect(error.start).toBeLessThanOrEqual(written.length);
        expect(error.end).toBeGreaterThan(error.start);
        expect(error.reason).not.toBe('');
      }
    }),
    { numRuns: 3000 },
  );
});
