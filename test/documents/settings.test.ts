/** docs/settings.md is what its script generates from the option tables. */
import { execFileSync } from 'node:child_process';
import path from 'node:path';
import { expect, test } from 'vitest';
import { unknownVariable } from '../../src/settings/own-variables.js';
import { root, textOf } from './pages.js';

test('docs/settings.md is up to date; if not, run: node scripts/settings-page.mjs', { timeout: 60_000 }, () => {
  const script = path.join(root, 'scripts/settings-page.mjs');
  const page = execFileSync(process.execPath, [script, '--print'], { encoding: 'utf8', maxBuffer: 2 ** 24 });
  expect(textOf('docs/settings.md')).toBe(page);
});

test('docs/settings.md explains every option, and has every variable that the README names', () => {
  const settings = textOf('docs/settings.md');
  const rows = settings.split('\n').filter((line) => line.startsWith('| `'));
  expect(rows.length).toBeGreaterThan(60);
  for (const row of rows.filter((each) => each.split(' | ').length === 5)) expect(row).not.toMatch(/\|\s*\|$/);
  const named = textOf('README.md').match(/\b(?:LOGHIVE|QUEUE|CONSUMER|RETENTION|SERVICE)_[A-Z_]+\b/g) ?? [];
  expect(named.length).toBeGreaterThan(5);
  for (const variable of named) expect(settings).toContain(variable);
});

test('every variable of docs/settings.md that begins with LOGHIVE_ is known, so that no warning calls it misspelled', () => {
  const variables = new Set(textOf('docs/settings.md').match(/\bLOGHIVE_[A-Z_]+\b/g));
  expect(variables.size).toBeGreaterThan(6);
  expect([...variables].filter((name) => unknownVariable(name))).toEqual([]);
});
