/** Names of secrets in every spelling: the quick search of a text must find each name that counts as one. */
import { expect, test } from 'vitest';
import { secrecyOf } from '../../src/fields/secret-name.js';
import { mayHoldSecret } from '../../src/fields/secret-text.js';

test('the quick search of a text finds every name of a secret, however it is spelled', () => {
  const words = [
    ...['authorization', 'cookie', 'token', 'secret', 'jwt', 'api key', 'access key', 'secret key', 'private key'],
    ...['credential', 'pwd', 'pass word', 'pass wd', 'pass phrase', 'auth', 'pass'],
  ];
  const around = ['', 'x', 'my db', 'key', 'header', 'value', 'string', 'text', 'raw', '2', 's', 'again', 'raw text 2'];
  const joins = ['', '_', '-', '.', ' ', '__', '$', '"'];
  const capital = (word: string) => word.charAt(0).toUpperCase() + word.slice(1);
  const missed: string[] = [];
  let known = 0;
  for (const word of words) {
    for (const before of around) {
      for (const behind of around) {
        const parts = `${before} ${word} ${behind}`.trim().split(/ +/);
        const lower = joins.map((join) => parts.join(join));
        const camel = parts.map((part, at) => (at === 0 ? part : capital(part))).join('');
        const ends = lower.flatMap((name) => [`_${name}`, `${name}_`, name.toUpperCase()]);
        const spread = [...parts.join('')].join('-');
        for (const name of [...lower, ...ends, camel, parts.map(capital).join('-'), spread]) {
          if (secrecyOf(name) === 'none') continue;
          known += 1;
          if (!mayHoldSecret(JSON.stringify({ [name]: 'x' }))) missed.push(name);
        }
      }
    }
  }
  expect(missed).toEqual([]);
  expect(known).toBeGreaterThan(10_000);
});

test('the quick search handles texts of 30 MB', () => {
  expect(mayHoldSecret(`auth${'-'.repeat(30_000_000)}`)).toBe(false);
  expect(mayHoldSecret(`pass${'text'.repeat(8_000_000)}`)).toBe(false);
});
