/** Logs numbered records through a client as fast as it can, and prints each number when its call has returned. */
import { writeSync } from 'node:fs';
import { LoggerClient } from '../../../dist/esm/src/index.js';

const [service, url, dir, from] = process.argv.slice(2);
const logger = new LoggerClient({ service, url, spool: { dir, mode: 'always' }, base: null });
for (let number = Number(from); ; number++) {
  logger.info('record', { number, filler: 'x'.repeat(100) });
  writeSync(1, `${number}\n`);
  // The connection works meanwhile.
  if (number % 50 === 0) await new Promise((resolve) => setImmediate(resolve));
}
