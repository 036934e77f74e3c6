import { expect, test, vi } from 'vitest';
import { LoghiveError } from '../../src/errors.js';
import {
  boolean,
  booleanText,
  type Environment,
  integer,
  numberText,
  type OptionTable,
  oneOf,
  resolveOptions,
  shown,
} from '../../src/settings/option.js';

const table = {
  lingerMs: { check: integer(0, 100, 'milliseconds'), fallback: 5, env: ['LINGER', 'OLD_LINGER'], parse: numberText },
  enabled: { check: boolean, fallback: true, env: ['ENABLED'], parse: booleanText },
  kind: { check: oneOf('quorum', 'classic'), fallback: 'quorum' },
} as const satisfies OptionTable;

function environmentOf(variables: Record<string, string>): Environment {
  return (name) => {
    const text = variables[name];
    return text === undefined ? undefined : { text, where: `environment variable ${name}` };
  };
}

function resolve(options: unknown, variables: Record<string, string> = {}) {
  const warn = vi.fn<(sentence: string) => void>();
  const values = resolveOptions('Integration', table, options, environmentOf(variables), warn);
  return { values, warnings: warn.mock.calls.map(([sentence]) => sentence) };
}

function refusal(options: unknown): string {
  try {
    resolve(options);
  } catch (error) {
    expect(error).toBeInstanceOf(LoghiveError);
    expect((error as LoghiveError).code).toBe('LOGHIVE_INVALID_OPTION');
    return (error as LoghiveError).message;
  }
  throw new Error('it was accepted');
}

test('an argument takes precedence over the environment, and that over the default', () => {
  const variables = { LINGER: '7', OLD_LINGER: '8' };
  expect(resolve({ lingerMs: 6 }, variables).values.lingerMs).toBe(6);
  expect(resolve({}, variables).values.lingerMs).toBe(7);
  expect(resolve({}, { OLD_LINGER: '8' }).values.lingerMs).toBe(8);
  expect(resolve({ lingerMs: undefined }).values.lingerMs).toBe(5);
  expect(resolve(undefined).values).toEqual({ lingerMs: 5, enabled: true, kind: 'quorum' });
});

test('the values are frozen', () => {
  expect(Object.isFrozen(resolve({}).values)).toBe(true);
});

test.each<[unknown, string]>([
  [{ lingerMs: '5' }, 'Integration: option "lingerMs" is "5", expected an integer from 0 to 100 (milliseconds).'],
  [{ lingerMs: 101 }, 'Integration: option "lingerMs" is 101, expected an integer from 0 to 100 (milliseconds).'],
  [{ lingerMs: 1.5 }, 'Integration: option "lingerMs" is 1.5, expected an integer from 0 to 100 (milliseconds).'],
  [
    { lingerMs: Number.NaN },
    'Integration: option "lingerMs" is NaN, expected an integer from 0 to 100 (milliseconds).',
  ],
  [{ lingerMs: 5n }, 'Integration: option "lingerMs" is 5n, expected an integer from 0 to 100 (milliseconds).'],
  [{ lingerMs: null }, 'Integration: option "lingerMs" is null, expected an integer from 0 to 100 (milliseconds).'],
  [{ enabled: 'no' }, 'Integration: option "enabled" is "no", expected true or false.'],
  [{ enabled: () => 'a\nb' }, 'Integration: option "enabled" is a function, expected true or false.'],
  [{ kind: 'stream' }, `Integration: option "kind" is "stream", expected one of 'quorum', 'classic'.`],
  [{ LingerMs: 5 }, 'Integration: unknown option "LingerMs". Did you mean "lingerMs"?'],
  [{ lingerMS: 5 }, 'Integration: unknown option "lingerMS". Did you mean "lingerMs"?'],
  [{ lingerSeconds: 5 }, 'Integration: unknown option "lingerSeconds". Did you mean "lingerMs"?'],
  [{ host: 'h' }, 'Integration: unknown option "host". Known options: lingerMs, enabled, kind.'],
  [null, 'Integration: the options are null, expected an object.'],
  [['shop'], 'Integration: the options are an array, expected an object.'],
  ['amqp://user:secret@host', 'Integration: the options are text, expected an object.'],
])('an invalid argument is refused in one line: %s', (options, line) => {
  expect(refusal(options)).toBe(line);
});

test.each([
  [{ LINGER: 'soon' }, 'environment variable LINGER is "soon", expected an integer from 0 to 100 (milliseconds)'],
  [{ LINGER: '1e1' }, 'environment variable LINGER is "1e1", expected an integer from 0 to 100 (milliseconds)'],
  [{ LINGER: '1000' }, 'environment variable LINGER is 1000, expected an integer from 0 to 100 (milliseconds)'],
  [{ LINGER: '-1' }, 'environment variable LINGER is -1, expected an integer from 0 to 100 (milliseconds)'],
])('an invalid environment variable is reported, and the default is used: %s', (variables, line) => {
  const { values, warnings } = resolve({}, variables);
  expect(values.lingerMs).toBe(5);
  expect(warnings).toHaveLength(1);
  expect(warnings[0]).toContain(line.replace(/is (-?\d+),/, 'is "$1",'));
  expect(warnings[0]).toContain('; 5 is used instead. Correct it or set the option "lingerMs".');
});

test('an invalid environment variable is reported, and the next variable is used', () => {
  const { values, warnings } = resolve({}, { LINGER: 'soon', OLD_LINGER: '9' });
  expect(values.lingerMs).toBe(9);
  expect(warnings).toHaveLength(1);
  expect(warnings[0]).toContain('; environment variable OLD_LINGER is used instead.');
});

test('an invalid environment variable is not reported if there is an argument', () => {
  expect(resolve({ lingerMs: 6 }, { LINGER: 'soon' }).warnings).toEqual([]);
});

test('an invalid environment variable throws if there is no default', () => {
  const needed = { kind: { ...table.kind, env: ['KIND'], required: true } };
  const act = () => resolveOptions('Integration', needed, {}, environmentOf({ KIND: 'stream' }), () => {});
  expect(act).toThrow(
    `environment variable KIND is "stream", expected one of 'quorum', 'classic'. Correct it or set the option "kind".`,
  );
});

test('an empty variable counts as unset, unless an empty value is allowed', () => {
  const list = { check: (value: unknown) => value, fallback: 'default', env: ['LIST'] };
  const environment = environmentOf({ LIST: '' });
  expect(resolveOptions('Integration', { list }, {}, environment, () => {}).list).toBe('default');
  const takesEmpty = { list: { ...list, takesEmpty: true } };
  expect(resolveOptions('Integration', takesEmpty, {}, environment, () => {}).list).toBe('');
});

test('an unexpected error in a check is not hidden', () => {
  const broken = { check: () => JSON.parse('{'), fallback: 1 };
  expect(() => resolveOptions('Integration', { broken }, { broken: 1 }, environmentOf({}), () => {})).toThrow(
    SyntaxError,
  );
});

test.each<[unknown, string]>([
  ['a "b"\nc', '"a \\"b\\"\\nc"'],
  ['x'.repeat(100), `"${'x'.repeat(76)}...`],
  [undefined, 'undefined'],
  [Symbol('s'), 'Symbol(s)'],
  [{ url: 'amqp://u:secret@h' }, 'an object'],
  ['amqp://u:secret@h', '"amqp://u:***@h"'],
  ['u:secret@h', '"u:***@h"'],
  [['shop', 'amqp://u:secret@h', 5, {}], '["shop","amqp://u:***@h",5,an object]'],
  ['a:b', '"a:b"'],
])('%s is shown in one short line, without a password', (value, text) => {
  expect(shown(value)).toBe(text);
});

test.each([
  ['true', true],
  ['True', true],
  ['1', true],
  ['yes', true],
  ['on', true],
  ['FALSE', false],
  ['0', false],
  ['off', false],
  ['n', false],
  ['maybe', 'maybe'],
])('the text %s is parsed as a boolean as in Python settings', (text, value) => {
  expect(booleanText(text)).toBe(value);
});
