/**
 * Builds dist/esm (tsc: code and types) and dist/cjs (code converted to CommonJS by esbuild, with copied types).
 * `--if-stale`: does nothing if dist matches the sources.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
/** Folders that applications import, built as both module types. The rest is only built as ESM. */
const libraryFolders = ['src', 'transports', 'consumer'];
const sourceFolders = [...libraryFolders, 'query', 'cli'];
const stampFile = path.join(root, 'dist', '.stamp');

function filesBelow(folder) {
  return fs
    .readdirSync(path.join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(root, path.join(entry.parentPath, entry.name)))
    .sort();
}

function fingerprint() {
  const hash = createHash('sha256');
  const inputs = ['package.json', 'tsconfig.json', 'tsconfig.build.json', 'scripts/build.mjs'];
  for (const file of [...inputs, ...sourceFolders.flatMap(filesBelow)]) {
    hash.update(`${file}\0`).update(fs.readFileSync(path.join(root, file)));
  }
  return hash.digest('hex');
}

function copy(file, target) {
  fs.mkdirSync(path.dirname(target), { recursive: true });
  fs.copyFileSync(path.join(root, file), target);
}

/**
 * Writes default imports of CommonJS packages as `import = require()`, which does not need `esModuleInterop`: many
 * applications that compile to CommonJS do not set it.
 */
function commonjsTypes(declarations) {
  return declarations.replace(/^import ((?:type )?\w+) from ('[^.'][^']*');$/gm, 'import $1 = require($2);');
}

const stamp = fingerprint();
if (process.argv.includes('--if-stale') && fs.existsSync(stampFile) && fs.readFileSync(stampFile, 'utf8') === stamp) {
  process.exit(0);
}
fs.rmSync(path.join(root, 'dist'), { recursive: true, force: true });

const tsc = path.join(root, 'node_modules', 'typescript', 'bin', 'tsc');
const compiled = spawnSync(process.execPath, [tsc, '-p', 'tsconfig.build.json'], { cwd: root, stdio: 'inherit' });
if (compiled.status !== 0) process.exit(compiled.status ?? 1);

const { build } = await import('esbuild');
const sources = libraryFolders.flatMap(filesBelow).filter((file) => file.endsWith('.ts'));
await build({
  absWorkingDir: root,
  entryPoints: sources,
  outbase: '.',
  outdir: 'dist/cjs',
  format: 'cjs',
  platform: 'node',
  target: 'node20.19',
  define: { 'import.meta.dirname': '__dirname', 'import.meta.filename': '__filename' },
  logLevel: 'warning',
});
fs.writeFileSync(path.join(root, 'dist/cjs/package.json'), '{ "type": "commonjs" }\n');

const declarations = libraryFolders.flatMap((folder) => filesBelow(path.join('dist', 'esm', folder)));
for (const file of declarations.filter((name) => name.endsWith('.d.ts'))) {
  const target = path.join(root, file.replace('dist/esm', 'dist/cjs'));
  fs.mkdirSync(path.dirname(target), { recursive: true });
  fs.writeFileSync(target, commonjsTypes(fs.readFileSync(path.join(root, file), 'utf8')));
}
for (const file of sourceFolders.flatMap(filesBelow).filter((name) => name.endsWith('.sql'))) {
  copy(file, path.join(root, 'dist/esm', file));
  copy(file, path.join(root, 'dist/cjs', file));
}
fs.writeFileSync(stampFile, stamp);
