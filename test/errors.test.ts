import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { ERROR_CODES, LoghiveError, reasonOf } from '../src/errors.js';

const root = path.resolve(import.meta.dirname, '..');
const codes = Object.keys(ERROR_CODES);

/** All code except the table itself, without comments. */
function sources(): string {
  const files = ['src', 'transports', 'consumer', 'query', 'cli'].flatMap((folder) =>
    readdirSync(path.join(root, folder), { recursive: true, encoding: 'utf8' }).map((file) => path.join(folder, file)),
  );
  return files
    .filter((file) => file.endsWith('.ts') && file !== path.join('src', 'errors.ts'))
    .map((file) => readFileSync(path.join(root, file), 'utf8').replace(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, ''))
    .join('\n');
}

describe('the table of codes', () => {
  const documented = [
    ...readFileSync(path.join(root, 'docs/errors.md'), 'utf8').matchAll(/^## (?<code>\w+)\n\n(?<meaning>.*)\n\n\S/gm),
  ].map(({ groups }) => [groups?.code, groups?.meaning]);

  test('is the same as in docs/errors.md, word for word and in order', () => {
    expect(documented).toEqual(Object.entries(ERROR_CODES));
  });

  test('contains no unused codes, and no other codes are used', () => {
    const used = new Set(
      sources().match(
        /(?<=')LOGHIVE_(?:INVALID|SEARCH|CLOSED|ALERT|BROKER|RECORDS|SPOOL_U|STORAGE|MIGRATION|FOLDER|FILE|PORT|POSTGRES)\w*(?=')/g,
      ),
    );
    expect([...used].sort()).toEqual([...codes].sort());
  });
});

test('an error has its code, its message as a sentence, and its cause', () => {
  const cause = new Error('underneath');
  const error = new LoghiveError('LOGHIVE_CLOSED', 'what happened', { cause });
  expect(error).toBeInstanceOf(Error);
  expect(error).toMatchObject({ name: 'LoghiveError', code: 'LOGHIVE_CLOSED', message: 'what happened.', cause });
  expect(String(error)).toBe('LoghiveError: what happened.');
});

test.each<[unknown, string]>([
  [new Error('said'), 'said'],
  [new TypeError(''), 'TypeError'],
  [new AggregateError([new Error('one'), 'two']), 'one; two'],
  ['text', 'text'],
  [undefined, 'undefined'],
  [Object.create(null), 'an error without a readable message'],
  [
    {
      toString() {
        throw new Error('no');
      },
    },
    'an error without a readable message',
  ],
])('the reason of any thrown value is readable text', (thrown, reason) => {
  expect(reasonOf(thrown)).toBe(reason);
});
