/**
 * Each way to end while the broker is down, does not answer or refuses the records (run.mjs has all combinations): the
 * process ends in time, and the next one of the service sends what it left on disk. Without a spool, what is lost is
 * counted.
 */
import { WITHOUT_BROKER } from './table.mjs';
import { testEach } from './test-each.js';

await testEach(WITHOUT_BROKER);
