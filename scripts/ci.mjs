/** Runs the suites that CI holds and adds up what passed and failed. */
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';

const npm = ['npm', 'run', '--silent'];
const report = path.join(os.tmpdir(), `loghive-ci-${process.pid}.json`);
let passed = 0;
let failed = 0;

function step(name, command, count = countByExit) {
  const started = Date.now();
  process.stdout.write(`\n=== ${name}: ${command.join(' ')}\n`);
  const { status } = spawnSync(command[0], command.slice(1), { stdio: ['ignore', 'inherit', 'inherit'] });
  const result = count(status);
  passed += result.passed;
  failed += result.failed;
  const seconds = ((Date.now() - started) / 1000).toFixed(0);
  process.stdout.write(`=== ${name}: ${result.passed} passed, ${result.failed} failed, ${seconds} s\n`);
}

function countByExit(status) {
  return status === 0 ? { passed: 1, failed: 0 } : { passed: 0, failed: 1 };
}

/** Vitest's own count; a run that ends without one, or badly although every test passed, has failed. */
function countTests(status) {
  let counted = { passed: 0, failed: 1 };
  try {
    const { numPassedTests, numFailedTests } = JSON.parse(fs.readFileSync(report, 'utf8'));
    counted = { passed: numPassedTests, failed: numFailedTests || (status === 0 ? 0 : 1) };
  } catch (error) {
    process.stdout.write(`no test report: ${error.message}\n`);
  }
  fs.rmSync(report, { force: true });
  return counted;
}

step('lint', [...npm, 'lint']);
step('types', [...npm, 'typecheck']);
step(
  'tests',
  ['npm', 'test', '--', '--reporter=default', '--reporter=json', `--outputFile.json=${report}`],
  countTests,
);
step('delivery', [...npm, 'test:delivery']);
step('delivery, embedded', [...npm, 'test:delivery', '--', '--embedded', '--short']);
step('examples', [...npm, 'test:examples']);
step('bench', [...npm, 'bench', '--', '--short']);
step('demo', [...npm, 'demo', '--', '--json']);

process.stdout.write(`\n${passed} passed, ${failed} failed\n`);
process.exit(failed === 0 ? 0 : 1);
