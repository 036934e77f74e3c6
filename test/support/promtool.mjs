import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { installPackage, whyNotInstall } from './install-package.mjs';

function findPromtool() {
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/bin', '/usr/local/bin'];
  return folders.map((folder) => join(folder, 'promtool')).find((file) => existsSync(file));
}

/** The program, installed if necessary; see promtool.d.mts. */
export function requirePromtool() {
  const found = findPromtool();
  if (found !== undefined) return found;
  const obstacle = whyNotInstall();
  if (obstacle !== undefined) {
    throw new Error(
      `these tests need promtool and found none on the PATH, and ${obstacle}. ` +
        'Install it (Debian, Ubuntu: apt-get install prometheus; macOS: brew install prometheus).',
    );
  }
  installPackage('prometheus');
  return findPromtool();
}

/** The result of `promtool check metrics`; see promtool.d.mts. */
export function checkMetrics(text) {
  const { status, stdout, stderr, error } = spawnSync(requirePromtool(), ['check', 'metrics'], {
    input: text,
    encoding: 'utf8',
  });
  if (error) throw error;
  return { passed: status === 0, output: `${stdout}${stderr}`.trim() };
}
