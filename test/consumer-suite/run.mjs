/**
 * The consumer suite: the whole consumer, several processes with worker threads, under what happens to it; every record
 * accounted for.
 *
 *   node test/consumer-suite/run.mjs [row ...] [--short] and the other options of test/suite/run-suite.mjs
 *
 * Names choose rows. With --short each is played with small counts, and those that cannot be small are left out unless they
 * are named.
 */
import { runSuite } from '../suite/run-suite.mjs';
import { rows } from './registry.mjs';

await runSuite({
  rows,
  isChosen: (row, { names, short }) => (names.length > 0 ? names.includes(row.name) : !short || row.short),
  // Ten consumers with three workers each have forty.
  maxConnections: 200,
  least: ({ records = 0 }) => ({ records, perSecond: 0 }),
});
