/** Runs the CI suites and adds up the passed and failed tests. */
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';

const npm = ['npm', 'run', '--silent'];
let passed = 0;
let failed = 0;
/** Repeated at the end, because the log of a whole run is long. */
const failures = [];

/** Time limit for all steps. CI allows 30 minutes. */
const MAX_SECONDS = 27 * 60;
/** Duration of each step on an idle machine with two cores. */
const USUAL_SECONDS = {
  ...{
    lint: 10,
    types: 25,
    tests: 400,
    processes: 85,
    storage: 260,
    cli: 190,
    demo: 20,
    delivery: 170,
    package: 45,
    servers: 320,
  },
  ...{ operations: 250, hostile: 200, projects: 115, examples: 110, bench: 40, exits: 80 },
};
const startedAt = Date.now();
let usualSoFar = 0;

/** Not every step fits into the limit, even on an idle machine. Skipped steps are reported and not counted. */
function isInTime(name) {
  const elapsed = (Date.now() - startedAt) / 1000;
  const slowness = usualSoFar === 0 ? 1 : Math.max(1, elapsed / usualSoFar);
  if (elapsed + slowness * USUAL_SECONDS[name] <= MAX_SECONDS) return true;
  process.stdout.write(
    `\n=== ${name}: NOT RUN, it would exceed the limit of ${MAX_SECONDS / 60} minutes on this machine: run it separately\n`,
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

/**
 * Runs a vitest suite and uses its own counts. A suite without a report, or with a non-zero exit status although every
 * test passed, counts as failed.
 */
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

/** The failed tests of one file, each with the first line of its error; or the reason why the file could not be run. */
function failuresOf({ name: file, status, message, assertionResults }) {
  const place = path.relative(process.cwd(), file);
  const tests = assertionResults.filter((test) => test.status === 'failed');
  if (tests.length === 0) return status === 'failed' ? [`${place}: ${firstLine(message)}`] : [];
  return tests.map(({ fullName, failureMessages }) => `${place} > ${fullName}: ${firstLine(failureMessages[0])}`);
}

function firstLine(text = '') {
  return text.split('\n', 1)[0];
}

// The most important steps first, because the last ones may be skipped.
step('lint', [...npm, 'lint']);
step('types', [...npm, 'typecheck']);
tests('tests', 'test');
tests('processes', 'test:processes');
tests('storage', 'test:storage');
tests('cli', 'test:cli');
step('demo', [...npm, 'demo', '--', '--json']);
step('bench', [...npm, 'bench', '--', '--short', 'publish', 'drain', 'call-winston']);
// A short version: the full one takes ten minutes. Run it in full for changes to this area.
step('delivery', [...npm, 'test:delivery', '--', '--short', 'half-open', 'chaos']);
tests('package', 'test:package');
tests('operations', 'test:operations');
tests('hostile', 'test:hostile');
tests('projects', 'test:projects');
step('examples', [...npm, 'test:examples']);
// `npm test` runs all of them once. These are the ones that may differ on newer versions of Node.
step('exits', [...npm, 'test:exits', '--', '--runs', '1', '--newer', 'up']);
tests('servers', 'test:servers');

for (const failure of failures) process.stdout.write(`\nfailed: ${failure}`);
process.stdout.write(`\n${passed} passed, ${failed} failed\n`);
process.exitCode = failed === 0 ? 0 : 1;
