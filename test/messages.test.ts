/**
 * One style for all messages: they begin in lower case, except for proper names. asSentence ensures the full stop at
 * the end.
 */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';

const root = path.resolve(import.meta.dirname, '..');

/** Calls that log, report or throw a message, up to the first part of its text. */
const MESSAGE_CALLS = [
  /(?:internalLogger|warnings|notices|status|serverLog)\.(?:debug|info|warning|error|once|report)\(\s*(?:'[\w ]+',\s*)?['"`]([^'"`$]+)/gi,
  /\b(?:notice|tell|warn|warnOnce|bad|storageUnavailable|invalid|asSentence|#warnOfRecords)\(\s*['"`]([^'"`$]+)/g,
  /new (?:LoghiveError|Wrong|Expected|Unfit)\(\s*(?:'LOGHIVE_\w+',\s*)?['"`]([^'"`$]+)/g,
  /\bstderr\.write\(\s*['"`]([^'"`$]+)/g,
];

/** Proper names and names of settings. */
const NAMES = /^(?:SIG[A-Z]+|PostgreSQL|RabbitMQ|Loghive|PEM|[A-Z][A-Z]+_[A-Z_]+|IANA)\b/;

test('every message begins in lower case, except for names', () => {
  const texts = ['src', 'transports', 'consumer', 'query', 'cli']
    .flatMap((folder) =>
      readdirSync(path.join(root, folder), { recursive: true, encoding: 'utf8' }).map((name) => `${folder}/${name}`),
    )
    .filter((name) => name.endsWith('.ts'))
    .flatMap((name) => {
      const source = readFileSync(path.join(root, name), 'utf8');
      return MESSAGE_CALLS.flatMap((pattern) => [...source.matchAll(pattern)].map(([, text]) => `${name}: ${text}`));
    });
  expect(texts.length).toBeGreaterThan(60);
  expect(
    texts.filter((text) => {
      const words = text.slice(text.indexOf(': ') + 2);
      return /^[A-Z]/.test(words) && !NAMES.test(words);
    }),
  ).toEqual([]);
});
