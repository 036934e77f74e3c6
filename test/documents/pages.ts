/** The documents of this repository, with their code blocks, links and headings. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

export const root = path.resolve(import.meta.dirname, '../..');

/** The documents in the npm package. */
export const PACKED = [
  'README.md',
  'CHANGELOG.md',
  'SECURITY.md',
  ...readdirSync(path.join(root, 'docs')).map((name) => `docs/${name}`),
].sort();

const examples = readdirSync(path.join(root, 'examples'))
  .map((name) => `examples/${name}/README.md`)
  .filter((name) => existsSync(path.join(root, name)));

/** Every document. */
export const PAGES = [
  ...PACKED,
  'CONTRIBUTING.md',
  'examples/README.md',
  ...examples,
  'bench/README.md',
  'deploy/README.md',
];

export interface Block {
  readonly page: string;
  /** Where the block begins: `docs/pino.md:17`. */
  readonly place: string;
  readonly language: string;
  readonly code: string;
}

export const textOf = (page: string) => readFileSync(path.join(root, page), 'utf8');

/** The code blocks of a page, including those in lists. */
export function blocksOf(page: string): Block[] {
  const text = textOf(page);
  return [...text.matchAll(/^( *)```(\w*)\n(.*?)^\1```$/gms)].map(({ index, 1: indent, 2: language, 3: code }) => ({
    page,
    place: `${page}:${text.slice(0, index).split('\n').length}`,
    language: language!,
    code: code!.replace(new RegExp(`^${indent}`, 'gm'), ''),
  }));
}

export const allBlocks: readonly Block[] = PAGES.flatMap(blocksOf);

export const blocksIn = (...languages: string[]) => allBlocks.filter(({ language }) => languages.includes(language));

/** The text of a page without code blocks. */
export const proseOf = (page: string) => textOf(page).replace(/^( *)```.*?^\1```$/gms, '');

export function linksOf(page: string): string[] {
  return [...proseOf(page).matchAll(/\]\(([^)\s]+)\)/g)].map(([, link]) => link!);
}

/** The sections of a page, as GitHub writes them in links. */
export function sectionsOf(page: string): string[] {
  return [...proseOf(page).matchAll(/^#+ (.+)$/gm)].map(([, heading]) =>
    heading!
      .toLowerCase()
      .replace(/[^\w\- ]/g, '')
      .replaceAll(' ', '-'),
  );
}
