/** The rules of CONTRIBUTING.md that can be checked automatically. */
import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { cruise, type ICruiseResult } from 'dependency-cruiser';
import { expect, test } from 'vitest';

const root = path.resolve(import.meta.dirname, '..');
const folders = ['src', 'transports', 'consumer', 'query', 'cli'];

/** Every TypeScript file of the product, with its path in the repository. */
const files = folders
  .flatMap((folder) =>
    readdirSync(path.join(root, folder), { recursive: true, encoding: 'utf8' }).map((name) => `${folder}/${name}`),
  )
  .map((name) => name.replaceAll(path.sep, '/'))
  .filter((name) => name.endsWith('.ts'))
  .map((name) => ({ name, text: readFileSync(path.join(root, name), 'utf8') }));

/** The code with comments and string contents blanked out, with the same line numbers. */
function code(text: string): string {
  const blank = (part: string) => part.replace(/[^\n]/g, ' ');
  return text.replace(/\/\*[\s\S]*?\*\/|\/\/[^\n]*|'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"/g, blank);
}

/** `file:line` of each place whose code matches. */
function places(pattern: RegExp): string[] {
  return files.flatMap(({ name, text }) =>
    code(text)
      .split('\n')
      .flatMap((line, index) => (pattern.test(line) ? [`${name}:${index + 1}`] : [])),
  );
}

const fileOf = (place: string) => place.replace(/:\d+$/, '');

test('every folder of the product is checked', () => {
  for (const folder of folders) expect(files.filter(({ name }) => name.startsWith(`${folder}/`))).not.toHaveLength(0);
});

test('imports follow the rules of .dependency-cruiser.cjs', { timeout: 60_000 }, async () => {
  const rules = createRequire(import.meta.url)('../.dependency-cruiser.cjs');
  const { output } = await cruise(folders, { ...rules.options, baseDir: root, validate: true, ruleSet: rules });
  const { modules, summary } = output as ICruiseResult;
  expect(summary.violations.map(({ rule, from, to }) => `${rule.name}: ${from} -> ${to}`)).toEqual([]);
  // All files were read, and imports were followed.
  expect(modules.map(({ source }) => source)).toEqual(expect.arrayContaining(files.map(({ name }) => name)));
  expect(summary.totalDependenciesCruised ?? 0).toBeGreaterThan(files.length);
});

test('the environment is read in one place', () => {
  const readers = places(/\bprocess(?:\.env\b|\[|\s*\?\.env\b)|\{[^}]*\benv\b[^}]*\}\s*=\s*process\b/);
  expect(new Set(readers.map(fileOf))).toEqual(new Set(['src/config.ts']));
});

test('only one file and the command line handle signals, exit hooks and process exit', () => {
  const hooks = places(
    /\bprocess\s*\.\s*(?:exit|reallyExit|abort|kill|exitCode|on|once|addListener|prependListener|prependOnceListener|removeListener|off|removeAllListeners)\b/,
  );
  const own = hooks.filter((place) => !place.startsWith('cli/'));
  expect(new Set(own.map(fileOf))).toEqual(new Set(['src/publisher/exit.ts']));
});

test('node:process is not imported, because that would bypass those two rules', () => {
  const importers = files.filter(({ text }) => /from\s+['"](?:node:)?process['"]/.test(text)).map(({ name }) => name);
  expect(importers).toEqual([]);
});

test('no file has a generic name', () => {
  const generic = /^(?:utils?|types?|helpers?|interfaces?|common|misc|constants)$/;
  const named = files.map(({ name }) => name).filter((name) => name.split(/[/.]/).some((part) => generic.test(part)));
  expect(named).toEqual([]);
});

test('no file is too long', () => {
  const long = files.map(({ name, text }) => ({ name, lines: text.split('\n').length - 1 }));
  expect(long.filter(({ lines }) => lines > 340)).toEqual([]);
});
