/** The files in deploy/. */
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseAllDocuments } from 'yaml';
import { onEnd } from '../support/use-servers.js';

const root = path.resolve(import.meta.dirname, '../..');
export const folder = path.join(root, 'deploy');

/** All files, relative to deploy/. */
export const files: readonly string[] = readdirSync(folder, { recursive: true, encoding: 'utf8', withFileTypes: true })
  // Ignores a .tgz file that was put there to build the image.
  .filter((entry) => entry.isFile() && !entry.name.endsWith('.tgz'))
  .map((entry) => path.relative(folder, path.join(entry.parentPath, entry.name)).replaceAll(path.sep, '/'));

export const textOf = (name: string) => readFileSync(path.join(folder, name), 'utf8');

/** The documents of a YAML file. @throws for YAML errors and warnings. */
// biome-ignore lint/suspicious/noExplicitAny: tests read arbitrary values
export function yamlOf(name: string, text = textOf(name)): any[] {
  return parseAllDocuments(text, { strict: true, uniqueKeys: true }).map((document) => {
    const [fault] = [...document.errors, ...document.warnings];
    if (fault) throw new Error(`${name}: ${fault.message}`);
    return document.toJS();
  });
}

/** Lines `NAME=value` of an env file, including commented ones. */
export function settingsOf(name: string): Record<string, string> {
  return Object.fromEntries([...textOf(name).matchAll(/^#?([A-Z_]+)=(.*)$/gm)].map(([, key, value]) => [key, value]));
}

/** A directory like /opt/loghive, with the command where npm installs it. */
export function useInstallation(): string {
  const place = mkdtempSync(path.join(tmpdir(), 'loghive-deploy-'));
  onEnd(() => rmSync(place, { recursive: true, force: true }));
  const command = path.join(place, 'node_modules/.bin/loghive');
  mkdirSync(path.dirname(command), { recursive: true });
  const program = pathToFileURL(path.join(root, 'dist/esm/cli/main.js')).href;
  writeFileSync(command, `#!/usr/bin/env node\nimport(${JSON.stringify(program)});\n`);
  chmodSync(command, 0o755);
  return place;
}

/** Time in which a worker may store unacknowledged messages at shutdown, in milliseconds. */
export const STOP_MS = Number(/STOP_MS = (\d+)/.exec(readFileSync(path.join(root, 'consumer/worker.ts'), 'utf8'))![1]);

/** The anchors of a document in docs/. */
export function sectionsOf(document: string): string[] {
  return [...readFileSync(path.join(root, document), 'utf8').matchAll(/^#+ (.+)$/gm)].map(([, heading]) =>
    heading!
      .toLowerCase()
      .replace(/[^\w\- ]/g, '')
      .replaceAll(' ', '-'),
  );
}

export const documentOf = (name: string) => readFileSync(path.join(root, name), 'utf8');
