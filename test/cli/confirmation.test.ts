import { PassThrough } from 'node:stream';
import { expect, test } from 'vitest';
import { confirmation } from '../../cli/confirmation.js';

function terminal(isTTY = true) {
  const [input, output] = [new PassThrough(), new PassThrough()].map((stream) => Object.assign(stream, { isTTY }));
  return { input: input!, output: output! };
}

test.each([
  ['y\n', true],
  [' YES \n', true],
  ['\n', false],
  ['n\n', false],
  ['yesterday\n', false],
])('the answer %j is %s', async (answer, yes) => {
  const { input, output } = terminal();
  const answered = confirmation({ yes: false }, { input, output })?.('Shall I?');
  input.write(answer);
  expect(await answered).toBe(yes);
  expect(output.read()?.toString()).toContain('Shall I? [y/N] ');
});

test('end of input is no', async () => {
  const { input, output } = terminal();
  const answered = confirmation({ yes: false }, { input, output })?.('Shall I?');
  input.end();
  expect(await answered).toBe(false);
});

test('--yes answers with and without a terminal', async () => {
  const { input, output } = terminal(false);
  expect(await confirmation({ yes: true }, { input, output })?.('Shall I?')).toBe(true);
  expect(output.read()).toBeNull();
});

test('without a terminal there is no confirmation', () => {
  expect(confirmation({ yes: false }, terminal(false))).toBeUndefined();
});
