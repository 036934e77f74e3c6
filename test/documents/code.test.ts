/** The code blocks of the documents: types, options of commands, data formats. */
import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import ts from 'typescript';
import { beforeAll, describe, expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { program } from '../cli/run-loghive.js';
import { allBlocks, type Block, blocksIn, root, textOf } from './pages.js';

const run = promisify(execFile);

test('every block has a language that a test looks at', () => {
  const known = ['js', 'ts', 'sh', 'sql', 'json', 'yaml', 'ini', 'mermaid', 'python', 'text'];
  expect(allBlocks.length).toBeGreaterThan(80);
  expect(allBlocks.filter(({ language }) => !known.includes(language)).map(({ place }) => place)).toEqual([]);
});

describe('a block of JavaScript or TypeScript', () => {
  /** The application around a block: what it may use without declaring it. */
  const SURROUNDINGS = `
    declare const server: import('node:http').Server;
    declare const transport: import('loghive/winston').LoghiveTransport;
    declare const logger: import('winston').Logger;
    // The examples' suite runs Express.
    declare module 'express' {
      const express: any;
      export = express;
    }
  `;
  const isScript = ({ code }: Block) => /\brequire\(|\bmodule\.exports\b/.test(code);
  const blocks = blocksIn('js', 'ts').map((block, at) => {
    const extension = block.language === 'ts' ? (isScript(block) ? 'cts' : 'mts') : isScript(block) ? 'cjs' : 'mjs';
    const isModule = /^\s*(?:import|export)\b/m.test(block.code) || isScript(block);
    // Otherwise its names would be global, and conflict with those of other blocks.
    const code = isModule ? block.code : `${block.code}\nexport {};`;
    return { ...block, code, file: path.join(root, `block-${at}.${extension}`) };
  });
  const files = new Map(blocks.map(({ file, code }) => [file, code]));
  const surroundings = path.join(root, 'surroundings.d.ts');
  files.set(surroundings, SURROUNDINGS);
  let faults = new Map<string, string[]>();

  beforeAll(() => {
    const options: ts.CompilerOptions = {
      target: ts.ScriptTarget.ES2023,
      module: ts.ModuleKind.NodeNext,
      types: ['node'],
      strict: false,
      allowJs: true,
      checkJs: true,
      noEmit: true,
      skipLibCheck: true,
    };
    const host = ts.createCompilerHost(options);
    const { getSourceFile, fileExists, readFile } = host;
    host.fileExists = (file) => files.has(file) || fileExists(file);
    host.readFile = (file) => files.get(file) ?? readFile(file);
    host.getSourceFile = (file, ...rest) => {
      const code = files.get(file);
      if (code === undefined) return getSourceFile(file, ...rest);
      const [versionOrOptions] = rest;
      return ts.createSourceFile(file, code, versionOrOptions, true);
    };
    const built = ts.createProgram([...files.keys()], options, host);
    faults = new Map(
      [...files.keys()].map((file) => {
        const source = built.getSourceFile(file)!;
        const found = [...built.getSyntacticDiagnostics(source), ...built.getSemanticDiagnostics(source)];
        return [file, found.map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, ' '))];
      }),
    );
  }, 120_000);

  test('the declarations of the surrounding application compile', () => expect(faults.get(surroundings)).toEqual([]));

  test.each(blocks)('compiles: $place', ({ file }) => expect(faults.get(file)).toEqual([]));
});

describe('command lines', () => {
  /** The subcommands and options that `--help` of a command lists. */
  const known = new Map<string, { commands: string[]; options: string[] }>();

  async function look(command: string): Promise<void> {
    const { stdout } = await run(process.execPath, [program, ...command.split(' ').filter(Boolean), '--help']);
    const listed = stdout.split(/^Commands:$/m)[1] ?? '';
    const commands = [...listed.matchAll(/^ {2}([a-z][\w-]*)/gm)].map(([, name]) => name!);
    const options = [...stdout.matchAll(/(?<=[ ,])--?[a-z][\w-]*/gi)].map(([option]) => option!);
    known.set(command, { commands, options });
    for (const name of commands) if (name !== 'help') await look(`${command} ${name}`.trim());
  }

  beforeAll(() => look(''), 120_000);

  /** Each `loghive …` in shell blocks and in inline code, without what follows the command. */
  const COMMAND = /(?:^|[\s/(`])loghive ((?:[\w@./:,=*'"-]+ ?)+)/gm;
  const lines = blocksIn('sh').flatMap(({ place, code }) =>
    [
      ...code
        .replaceAll('\\\n', ' ')
        .replace(/^(?:npm|docker) .*$/gm, '')
        .matchAll(COMMAND),
    ].map(([, words]) => ({ place, words: words!.trim() })),
  );
  const inText = [...new Set(allBlocks.map(({ page }) => page))].flatMap((page) =>
    [...textOf(page).matchAll(/`(?:npx )?loghive ([a-z][^`]*)`/g)].map(([, words]) => ({ place: page, words: words! })),
  );
  const used = [...lines, ...inText].filter(({ words }) => /^(?:-|[a-z][\w-]*(?: |$))/.test(words));

  test('are found', () => expect(used.length).toBeGreaterThan(40));

  test.each(used)('have existing subcommands and options: loghive $words ($place)', ({ words }) => {
    let command = '';
    for (const word of words.split(/\s+/)) {
      const { commands, options } = known.get(command)!;
      const option = /^--?[a-z][\w-]*/i.exec(word)?.[0];
      if (option) expect(options).toContain(option);
      else if (commands.includes(word)) command = `${command} ${word}`.trim();
      else if (commands.length > 0) expect(commands, `"${word}" is a command`).toContain(word);
    }
  });

  const scripts = Object.keys(JSON.parse(textOf('package.json')).scripts);

  test.each([...new Set(allBlocks.map(({ page }) => page))])('have existing npm scripts: %s', (page) => {
    if (page.startsWith('examples/') && page !== 'examples/README.md') return;
    const named = [...textOf(page).matchAll(/npm run (?:-\w+ )?([\w:]+)/g)].map(([, script]) => script!);
    for (const script of named) expect(scripts).toContain(script);
  });
});

describe('a block of data', () => {
  test.each(blocksIn('json'))('is valid JSON: $place', ({ code }) => {
    expect(() => JSON.parse(code)).not.toThrow();
  });

  test.each(blocksIn('yaml'))('is valid YAML: $place', ({ code }) => {
    for (const { errors, warnings } of parseAllDocuments(code)) expect([...errors, ...warnings]).toEqual([]);
  });

  test.each(blocksIn('ini'))('is a unit file: $place', ({ code }) => {
    for (const line of code.trim().split('\n')) expect(line).toMatch(/^(?:\[\w+\]|\w+=.+)$/);
  });

  test.each(blocksIn('mermaid'))('is a Mermaid diagram: $place', ({ code }) => {
    expect(code).toMatch(/^(?:flowchart|sequenceDiagram|stateDiagram-v2)/);
    for (const [open, close] of ['[]', '()', '{}']) expect(code.split(open!).length).toBe(code.split(close!).length);
    expect((code.match(/\bsubgraph\b/g) ?? []).length).toBe((code.match(/^\s*end$/gm) ?? []).length);
  });
});
