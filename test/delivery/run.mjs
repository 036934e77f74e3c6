/**
 * The delivery suite: checks the README's guarantees under faults and accounts for every record.
 *
 * ```
 *   node test/delivery/run.mjs [scenario ...] [--embedded] [--short] and the other options of test/suite/run-suite.mjs
 * ```
 *
 * Names select scenarios, --short the short ones; both together are combined. With --embedded the broker is the
 * development broker, and scenarios that it does not support are reported as left out.
 */

import { runSuite } from '../suite/run-suite.mjs';
import { startEmbeddedServers, startServers } from '../support/servers.mjs';
import { scenarios, whyNot } from './registry.mjs';

await runSuite({
  scenarios,
  isChosen: (scenario, { names, short }) =>
    names.includes(scenario.name) || (short ? scenario.short : names.length === 0),
  options: { embedded: { type: 'boolean', default: false } },
  refusal: ({ embedded, rabbitmq }) =>
    embedded && rabbitmq !== undefined ? '--embedded uses the development broker: omit --rabbitmq' : undefined,
  whyNot: (scenario, { embedded }) => (embedded ? whyNot(scenario) : undefined),
  start: ({ embedded }) => (embedded ? startEmbeddedServers : startServers),
  // Few enough that a scenario can exhaust them.
  maxConnections: 24,
  least: () => ({ records: 20_000, perSecond: 2000 }),
});
