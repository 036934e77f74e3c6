/** Runs the suites that CI holds and adds up what passed and failed. */
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';

const npm = ['npm', 'run', '--silent'];
let passed = 0;
let failed = 0;
/** Named once more at the end: the log of a whole run is long, and whoever reads it sees its end first. */
const failures = [];

/** The whole may take 30 minutes. */
const MOST_SECONDS = 28 * 60;
/** What each step takes on a machine of two cores that has nothing else to do. */
const USUAL_SECONDS = {
  ...{ lint: 10, types: 20, tests: 420, servers: 240, package: 25, projects: 70, hostile: 150, operations: 130 },
  ...{ exits: 60, examples: 70, delivery: 110, bench: 40, demo: 15 },
};
const startedAt = Date.now();
let usualSoFar = 0;

/** On a machine that is busy with something else not every step may be done in time. That is said, and nothing is counted. */
function isInTime(name) {
  const elapsed = (Date.now() - startedAt) / 1000;
  const slowness = usualSoFar === 0 ? 1 : Math.max(1, elapsed / usualSoFar);
  if (elapsed + slowness * USUAL_SECONDS[name] <= MOST_SECONDS) return true;
  process.stdout.write(
    `\n=== ${name}: NOT RUN, it would not end within ${MOST_SECONDS / 60} minutes on this machine: run it by itself\n`,
  );
  return false;
}

function step(name, command, count = countByExit) {
  if (!isInTime(name)) return;
  usualSoFar += USUAL_SECONDS[name];
  const started = Date.now();
  process.stdout.write(`\n=== ${name}: ${command.join(' ')}\n`);
  const { status } = spawnSync(command[0], command.slice(1), { stdio: ['ignore', 'inherit', 'inherit'] });
  const result = count(status);
  passed += result.passed;
  failed += result.failed;
  if (result.failed > 0)
    failures.push(...(result.names?.length ? result.names : ['']).map((test) => `${name} ${test}`));
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
      const { numPassedTests, numFailedTests, testResults } = JSON.parse(fs.readFileSync(report, 'utf8'));
      const failed = numFailedTests || (status === 0 ? 0 : 1);
      return { passed: numPassedTests, failed, names: testResults.flatMap(failuresOf) };
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

/** Of one test file: its failed tests, each with the first line of its error; or why the file could not be run. */
function failuresOf({ name: file, status, message, assertionResults }) {
  const place = path.relative(process.cwd(), file);
  const tests = assertionResults.filter((test) => test.status === 'failed');
  if (tests.length === 0) return status === 'failed' ? [`${place}: ${firstLine(message)}`] : [];
  return tests.map(({ fullName, failureMessages }) => `${place} > ${fullName}: ${firstLine(failureMessages[0])}`);
}

function firstLine(text = '') {
  return text.split('\n', 1)[0];
}

// The most telling first: on a slow machine the last ones may not be done in time.
step('lint', [...npm, 'lint']);
step('types', [...npm, 'typecheck']);
tests('tests', 'test');
step('demo', [...npm, 'demo', '--', '--json']);
// In short: in full these two take ten minutes. A change to what they hold is tried in full by whoever makes it.
step('delivery', [...npm, 'test:delivery', '--', '--short', 'half-open', 'chaos']);
tests('package', 'test:package');
tests('servers', 'test:servers');
tests('operations', 'test:operations');
tests('hostile', 'test:hostile');
tests('projects', 'test:projects');
step('examples', [...npm, 'test:examples']);
step('bench', [...npm, 'bench', '--', '--short', 'publish', 'drain', 'call-winston']);
// All of them run once in `npm test`: here those for which other versions of Node may differ.
step('exits', [...npm, 'test:exits', '--', '--runs', '1', '--newer']);

for (const failure of failures) process.stdout.write(`\nfailed: ${failure}`);
process.stdout.write(`\n${passed} passed, ${failed} failed\n`);
process.exitCode = failed === 0 ? 0 : 1;
