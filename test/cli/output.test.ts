import { expect, test } from 'vitest';
import { supportsEscapes } from '../../cli/output.js';
import { openProgress } from '../../cli/progress.js';

test('colors and redrawn lines need a terminal, and one that is not dumb', () => {
  expect(supportsEscapes({ isTTY: true }, 'xterm-256color')).toBe(true);
  expect(supportsEscapes({ isTTY: true }, undefined)).toBe(true);
  expect(supportsEscapes({ isTTY: true }, 'dumb')).toBe(false);
  expect(supportsEscapes({ isTTY: false }, 'xterm')).toBe(false);
  expect(supportsEscapes({}, 'xterm')).toBe(false);
});

test('a progress bar is drawn only where it can be overwritten', () => {
  const draw = (isTerminal: boolean) => {
    let text = '';
    const progress = openProgress('deleting', 10, { write: (lines) => (text += lines) }, isTerminal);
    progress.at(10);
    progress.end();
    return text;
  };
  expect(draw(true)).toContain('deleting [####');
  expect(draw(false)).toBe('');
});
