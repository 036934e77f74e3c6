/** Every console method in real processes: the output is unchanged, and what is printed is recorded. */
import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, test } from 'vitest';
import { type Row, useStack } from '../support/use-stack.js';
import { calls, groups } from './console-calls.mjs';

const run = promisify(execFile);
const program = path.join(import.meta.dirname, 'console-calls.mjs');
const register = path.resolve(import.meta.dirname, '../../dist/esm/transports/console-register.js');

/** stdout and stderr in one text, in the order of the writes. */
async function output(env: Record<string, string>, ...nodeArgs: string[]): Promise<string> {
  const command = `exec "$@" 2>&1`;
  const args = ['-c', command, 'sh', process.execPath, ...nodeArgs, program];
  const { stdout } = await run('sh', args, { env: { PATH: process.env.PATH, ...env } });
  return stdout;
}

/** What each call printed, by its name. */
function byCall(printed: string): Map<string, string> {
  const parts = printed
    .split('\u0002')
    .map((part) => [part.slice(0, part.indexOf('\n')), part.slice(part.indexOf('\n') + 1)]);
  return new Map(parts as [string, string][]);
}

let plain: string;
let patched: string;
let printed: Map<string, string>;
let rows: Row[];
/** Calls that make no record. */
const silent = [
  'an assertion that holds',
  'countReset',
  'time',
  'a group without a label',
  'groupEnd',
  'groupEnd again',
  'groupEnd of the last',
  'groupEnd of none',
];
/** The other calls, in the order of their records. */
const names = [...Object.keys(calls), ...Object.keys(groups)].filter((name) => !silent.includes(name));
const rowOf = (name: string) => rows[names.indexOf(name)];

beforeAll(async () => {
  const stack = await useStack();
  const service = stack.service();
  plain = await output({});
  patched = await output({ LOGHIVE_SERVICE: service, LOGHIVE_URL: stack.broker.url }, '--import', register);
  printed = byCall(patched);
  rows = await stack.rows(service, names.length);
});

test('the output is the same as without Loghive', () => {
  const withoutTimes = (text: string) => text.replace(/\d+(\.\d+)?ms/g, '…ms');
  expect(withoutTimes(patched)).toBe(withoutTimes(plain));
});

test('each call makes one record, and those that print nothing make none', () => {
  expect(rows).toHaveLength(names.length);
});

const own = [
  'a getter that prints',
  'an inspection that prints',
  'an inspection that throws',
  'a label that is a symbol',
];

test.each(Object.keys(calls).filter((name) => !silent.includes(name) && !own.includes(name)))(
  'the message of %s is what is printed',
  (name) => {
    expect(`${rowOf(name)?.message}\n`).toBe(printed.get(name));
  },
);

test('what an argument prints while it is formatted is printed once, and not recorded', () => {
  expect(printed.get('a getter that prints')).toBe('inner\nouter\n');
  expect(rowOf('a getter that prints')?.message).toBe('outer');
  expect(printed.get('an inspection that prints')).toBe('inner\nouter\n');
  expect(rowOf('an inspection that prints')?.message).toBe('outer');
});

test('a call that throws without Loghive also throws with it, and its record has what was thrown', () => {
  expect(patched).toContain('\u0002threw not today\n');
  expect(rowOf('an inspection that throws')).toMatchObject({
    message: '[Threw: not today]',
    information: { args: ['before', {}] },
  });
  expect(rowOf('a label that is a symbol')?.message).toBe('[Threw: Cannot convert a Symbol value to a string]');
});

test('within groups the message is not indented, and information.group has their labels', () => {
  const inner = ['outer { a: 1 }', 'inner'];
  expect(
    Object.keys(groups)
      .filter((name) => names.includes(name))
      .map((name) => [rowOf(name)?.message, rowOf(name)?.information.group, rowOf(name)?.information.method]),
  ).toEqual([
    ['outer { a: 1 }', undefined, 'group'],
    ['one\ntwo', ['outer { a: 1 }'], undefined],
    [expect.stringMatching(/^┌─+┬/), ['outer { a: 1 }'], 'table'],
    ['inner', ['outer { a: 1 }'], 'groupCollapsed'],
    ['deep { b: 2 }', inner, undefined],
    ['deeper', inner, undefined],
    ['again', ['outer { a: 1 }'], undefined],
    ['outside', undefined, undefined],
  ]);
  expect(printed.get('within both')).toBe('    deep { b: 2 }\n');
});

describe('the record', () => {
  test.each([
    ['text', 'INFO', undefined, undefined],
    ['info', 'INFO', undefined, undefined],
    ['debug', 'DEBUG', undefined, undefined],
    ['warn', 'WARNING', 'warn', undefined],
    ['error', 'ERROR', undefined, undefined],
    ['trace', 'DEBUG', undefined, 'trace'],
    ['an assertion that fails', 'ERROR', undefined, 'assert'],
    ['dir', 'INFO', undefined, 'dir'],
    ['dirxml', 'INFO', undefined, 'dirxml'],
    ['a table of objects', 'INFO', undefined, 'table'],
    ['count', 'INFO', undefined, 'count'],
    ['timeLog', 'INFO', undefined, 'timeLog'],
    ['timeEnd', 'INFO', undefined, 'timeEnd'],
    ['group', 'INFO', undefined, 'group'],
  ])('of %s has the level %s', (name, level, ownLevel, method) => {
    expect(rowOf(name)?.level).toBe(level);
    expect(rowOf(name)?.information.level).toBe(ownLevel);
    expect(rowOf(name)?.information.method).toBe(method);
  });

  test.each<[string, unknown]>([
    ['text', undefined],
    ['several arguments', undefined],
    ['functions', undefined],
    ['%j', ['%j', { order: 7 }]],
    ['a deep object', [{ a: { b: { c: { d: { e: 1 } } } } }]],
    ['a cycle', [{ name: 'round', self: '[Circular]' }]],
    ['an error', undefined],
    ['an error behind text', ['payment failed', { order: 7 }]],
    ['dir with options', [{ a: { b: { c: { d: { e: 1 } } } } }]],
    ['a table of some columns', [[{ a: 1, b: 2 }]]],
    ['a table of text', undefined],
    ['an assertion that fails with text', ['no %s', 'way', { a: 1 }]],
    ['timeLog', ['so far', { a: 1 }]],
    ['timeEnd', undefined],
    ['trace', ['where %s', 'am I', { a: 1 }]],
    ['group', ['outer', { a: 1 }]],
  ])('of %s has its arguments if one of them is an object', (name, args) => {
    expect(rowOf(name)?.information.args).toEqual(args);
  });

  test('has the first error under information.error, with its stack and cause', () => {
    const error = { name: 'TypeError', message: 'refused', cause: { message: 'limit' } };
    for (const name of ['an error', 'an error behind text', 'trace of an error']) {
      expect(rowOf(name)?.information.error).toMatchObject(error);
      expect(rowOf(name)?.information.error.stack).toContain('console-calls.mjs');
    }
    expect(rowOf('an error with fields')?.information.error).toMatchObject({ ...error, code: 'E_DECLINED' });
  });

  test('of trace has the stack of the call, without frames of Loghive', () => {
    expect(rowOf('trace of an error')?.message).toMatch(
      /^Trace: TypeError: refused[\s\S]+\n {4}at inner \(.+console-calls/,
    );
    expect(rowOf('trace of an error')?.message).not.toContain('transports/console-patch');
  });
});
