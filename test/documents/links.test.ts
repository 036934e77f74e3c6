/** The links of the documents exist, and those of packed documents do not need files that are not packed. */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { linksOf, PACKED, PAGES, root, sectionsOf, textOf } from './pages.js';

/** What is only in the repository, according to the README. */
const REPOSITORY_ONLY = /^(?:(?:test|examples|deploy|bench)\/|CONTRIBUTING\.md$)/;

const isRelative = (link: string) => !/^[a-z]+:/.test(link);

/** The path from the root that a link leads to, and its section. */
function targetOf(page: string, link: string): { file: string; section: string | undefined } {
  const [name, section] = link.split('#') as [string, string?];
  const file = name === '' ? page : path.posix.join(path.posix.dirname(page), name);
  return { file, section };
}

describe.each(PAGES)('%s', (page) => {
  test('links to files and sections that exist', () => {
    for (const link of linksOf(page).filter(isRelative)) {
      const { file, section } = targetOf(page, link);
      expect(existsSync(path.join(root, file)), `${link} is a file`).toBe(true);
      if (section !== undefined) expect(sectionsOf(file), `${link} is a section`).toContain(section);
    }
  });
});

test.each(PACKED)('%s links only to files of the package, or of folders known to be missing in it', (page) => {
  for (const link of linksOf(page).filter(isRelative)) {
    const { file } = targetOf(page, link);
    if (!PACKED.includes(file)) expect(file).toMatch(REPOSITORY_ONLY);
  }
});

test('the package contains every document that its documents link to', () => {
  const { files } = JSON.parse(textOf('package.json')) as { files: string[] };
  for (const page of PACKED)
    expect(
      files.some((each) => page === each || page.startsWith(`${each}/`)),
      page,
    ).toBe(true);
});

test('docs/README.md lists every page', () => {
  const listed = linksOf('docs/README.md').map((link) => targetOf('docs/README.md', link).file);
  const pages = PACKED.filter((page) => page.startsWith('docs/') && page !== 'docs/README.md');
  expect(pages.filter((page) => !listed.includes(page))).toEqual([]);
});

test('the README has at most 200 lines', () => {
  expect(textOf('README.md').split('\n').length).toBeLessThanOrEqual(201);
});

test('docs/architecture.md names files that exist', () => {
  const names = [...textOf('docs/architecture.md').matchAll(/(?:src|transports|consumer|cli|test)\/[\w./-]+/g)];
  expect(names.length).toBeGreaterThan(40);
  for (const [name] of names) expect(existsSync(path.join(root, name)), name).toBe(true);
});
