/**
 * Prepares a checkout, then runs a command in it: `node scripts/ready.mjs vitest run`. Installs dependencies if
 * node_modules is missing or does not match the lock file, and builds if dist is stale.
 */
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');

function run(command, args, options = {}) {
  const result = spawnSync(command, args, { stdio: 'inherit', ...options });
  if (result.error) {
    process.stderr.write(`cannot run ${command}: ${result.error.message}\n`);
    process.exit(1);
  }
  if (result.status !== 0) process.exit(result.status ?? 1);
}

const lock = fs.readFileSync(path.join(root, 'package-lock.json'), 'utf8');
const installedLock = path.join(root, 'node_modules', '.loghive-lock.json');
if (!fs.existsSync(installedLock) || fs.readFileSync(installedLock, 'utf8') !== lock) {
  // stdout is reserved for the output of the command (`npm run demo -- --json`).
  run('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], { cwd: root, stdio: ['ignore', 2, 2] });
  fs.writeFileSync(installedLock, lock);
}
run(process.execPath, [path.join(root, 'scripts', 'build.mjs'), '--if-stale'], { cwd: root, stdio: ['ignore', 2, 2] });

const [command, ...args] = process.argv.slice(2);
const local = path.join(root, 'node_modules', '.bin', command);
if (fs.existsSync(local)) run(local, args);
else run(command === 'node' ? process.execPath : command, args);
