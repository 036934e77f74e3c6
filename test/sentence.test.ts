import { expect, test } from 'vitest';
import { asSentence, counted } from '../src/sentence.js';

test.each<[string, string]>([
  ['what happened', 'what happened.'],
  ['what happened. What to do.', 'what happened. What to do.'],
  ['did you mean this?', 'did you mean this?'],
  ['the server said: no such host.. Correct it', 'the server said: no such host. Correct it.'],
  ['cut to "aaaa..., expected less', 'cut to "aaaa..., expected less.'],
  ['and so on...', 'and so on...'],
  ['it ends with a line break\n', 'it ends with a line break.'],
  ['../here and ../there', '../here and ../there.'],
  ['', ''],
])('%j is written as the sentence %j', (text, shown) => {
  expect(asSentence(text)).toBe(shown);
});

test.each<[number, string[], string]>([
  [0, ['record'], '0 records'],
  [1, ['record'], '1 record'],
  [2, ['record'], '2 records'],
  [1, ['record waits', 'records wait'], '1 record waits'],
  [21, ['record waits', 'records wait'], '21 records wait'],
])('%i of %j are %j', (count, [one, many], words) => {
  expect(counted(count, one!, many)).toBe(words);
});
