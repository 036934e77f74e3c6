/** One run of each cell of the suite (run.mjs) with a broker: however the process ends, each record is stored once. */
import { CELLS } from './table.mjs';
import { testEach } from './test-each.js';

await testEach(CELLS.filter(({ broker }) => broker === 'up'));
