/**
 * Logs records of half a kilobyte as fast as it can, prints its peak memory in MiB, and sends what is left when it is told
 * to: `node million-child.mjs '{"records":…,"yields":…,"options":[…]}'`. Without options it only builds the records.
 */

import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { LoggerClient } from '../../../../dist/esm/src/index.js';

const { records, yields, options } = JSON.parse(process.argv[2]);
const loggers = options.map((each) => new LoggerClient({ base: null, exitTimeoutMs: 0, ...each }));

function log(n) {
  const information = { n, filler: 'x'.repeat(400) };
  if (loggers.length === 0) return JSON.stringify(information);
  const logger = loggers[n % loggers.length];
  return n % 10 === 0 ? logger.error('record', information) : logger.info('record', information);
}

for (let n = 0; n < records; n++) {
  log(n);
  if (yields && n % 500 === 499) await new Promise(setImmediate);
}
print({ peakMib: peakMib() });
await once(process.stdin, 'data');
// Unlike `close()`, a flush waits for the next attempt to connect.
for (const logger of loggers) await logger.flush();
print({ peakMib: peakMib(), stats: loggers[0]?.stats() });
process.exit();

function print(value) {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}

function peakMib() {
  return Number(/VmHWM:\s+(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))[1]) / 1024;
}
