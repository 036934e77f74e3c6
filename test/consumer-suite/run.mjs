/**
 * The consumer suite: whole consumers, several processes with worker threads, under faults. Every record is accounted
 * for.
 *
 * ```
 *   node test/consumer-suite/run.mjs [scenario ...] [--short] and the other options of test/suite/run-suite.mjs
 * ```
 *
 * Names select scenarios. With --short each is run with small counts, and scenarios that cannot be small are left out
 * unless they are named.
 */
import { runSuite } from '../suite/run-suite.mjs';
import { scenarios } from './registry.mjs';

await runSuite({
  scenarios,
  isChosen: (scenario, { names, short }) =>
    names.length > 0 ? names.includes(scenario.name) : !short || scenario.short,
  // Ten consumers with three workers each use forty connections.
  maxConnections: 200,
  least: ({ records = 0 }) => ({ records, perSecond: 0 }),
});
