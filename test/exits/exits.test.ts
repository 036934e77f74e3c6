/** One run of each way to end with each integration, with a broker: each record is stored once. run.mjs has more cells. */
import { WITH_BROKER } from './table.mjs';
import { testEach } from './test-each.js';

await testEach(WITH_BROKER);
