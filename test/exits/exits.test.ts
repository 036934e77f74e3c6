/** One run of each cell of the suite (run.mjs) with a broker: whatever ends the process, what was logged is stored once. */
import { CELLS } from './cells.mjs';
import { testEach } from './test-each.js';

await testEach(CELLS.filter(({ broker }) => broker === 'up'));
