/** Runs the suites that CI holds and adds up what passed and failed. */
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';

const npm = ['npm', 'run', '--silent'];
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

/** A suite of vitest's, by its own count; one that ends without it, or badly although every test passed, has failed. */
function tests(name, script) {
  const report = path.join(os.tmpdir(), `loghive-ci-${process.pid}-${name}.json`);
  const count = (status) => {
    try {
      const { numPassedTests, numFailedTests } = JSON.parse(fs.readFileSync(report, 'utf8'));
      return { passed: numPassedTests, failed: numFailedTests || (status === 0 ? 0 : 1) };
    } catch (error) {
      process.stdout.write(`no test report: ${error.message}\n`);
      return { passed: 0, failed: 1 };
    } finally {
      fs.rmSync(report, { force: true });
    }
  };
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`];
  step(name, [...npm, script, '--', ...reporters], count);
}

step('lint', [...npm, 'lint']);
step('types', [...npm, 'typecheck']);
tests('tests', 'test');
tests('servers', 'test:servers');
tests('package', 'test:package');
tests('hostile', 'test:hostile');
step('examples', [...npm, 'test:examples']);
// In short: in full these two take ten minutes of the twenty. A change to what they hold is tried in full by whoever makes it.
step('delivery', [...npm, 'test:delivery', '--', '--short', 'half-open', 'chaos']);
step('bench', [...npm, 'bench', '--', '--short', 'publish', 'drain', 'call-winston']);
step('demo', [...npm, 'demo', '--', '--json']);

process.stdout.write(`\n${passed} passed, ${failed} failed\n`);
process.exitCode = failed === 0 ? 0 : 1;
