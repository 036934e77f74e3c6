/** Runs the suites that CI holds and adds up what passed and failed. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';

const npm = ['npm', 'run', '--silent'];
let passed = 0;
let failed = 0;

/** What it prints is shown when it has ended, or at once: `live`. */
async function step(name, command, { count = countByExit, live = false } = {}) {
  const started = Date.now();
  const begin = `\n=== ${name}: ${command.join(' ')}\n`;
  if (live) process.stdout.write(begin);
  const child = spawn(command[0], command.slice(1), {
    stdio: ['ignore', ...(live ? ['inherit', 'inherit'] : ['pipe', 'pipe'])],
  });
  const output = [];
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (bytes) => output.push(bytes));
  const [status] = await once(child, 'close');
  const result = count(status);
  passed += result.passed;
  failed += result.failed;
  const seconds = ((Date.now() - started) / 1000).toFixed(0);
  process.stdout.write(live ? '' : `${begin}${Buffer.concat(output)}`);
  process.stdout.write(`=== ${name}: ${result.passed} passed, ${result.failed} failed, ${seconds} s\n`);
}

function countByExit(status) {
  return status === 0 ? { passed: 1, failed: 0 } : { passed: 0, failed: 1 };
}

/** A suite of vitest's, by its own count; one that ends without it, or badly although every test passed, has failed. */
async function tests(name, script, live) {
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
  await step(name, [...npm, script, '--', ...reporters], { count, live });
}

await step('lint', [...npm, 'lint']);
await step('types', [...npm, 'typecheck']);
await tests('tests', 'test', true);
// Side by side, each with servers of its own: much of their time they wait for what servers do.
await Promise.all([
  (async () => {
    await step('delivery', [...npm, 'test:delivery']);
    await step('demo', [...npm, 'demo', '--', '--json']);
  })(),
  (async () => {
    await tests('servers', 'test:servers');
    await tests('package', 'test:package');
    await step('examples', [...npm, 'test:examples']);
    // The development broker in short: most of its tests are its conversations, above.
    await step('delivery, embedded', [...npm, 'test:delivery', '--', '--embedded', 'queue-full', 'postgres-killed']);
    await step('bench', [...npm, 'bench', '--', '--short', 'publish', 'drain', 'call-winston', 'call-console']);
  })(),
]);

process.stdout.write(`\n${passed} passed, ${failed} failed\n`);
process.exitCode = failed === 0 ? 0 : 1;
