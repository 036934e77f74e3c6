/** One run of each cell of the suite (run.mjs) without a broker: the process ends in time, and counts lost records. */
import { CELLS } from './cells.mjs';
import { testEach } from './test-each.js';

await testEach(CELLS.filter(({ broker }) => broker === 'away'));
