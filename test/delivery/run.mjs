/**
 * The delivery suite: the promises of the README under faults, every record accounted for.
 *
 *   node test/delivery/run.mjs [row ...] [--embedded] [--short] and the other options of test/suite/run-suite.mjs
 *
 * Names choose rows, --short the short ones; both together add up. With --embedded the broker is the development broker,
 * and the rows that it cannot play are left out by name.
 */

import { runSuite } from '../suite/run-suite.mjs';
import { startEmbeddedServers, startServers } from '../support/servers.mjs';
import { rows, whyNot } from './registry.mjs';

await runSuite({
  rows,
  isChosen: (row, { names, short }) => names.includes(row.name) || (short ? row.short : names.length === 0),
  options: { embedded: { type: 'boolean', default: false } },
  refusal: ({ embedded, rabbitmq }) =>
    embedded && rabbitmq !== undefined ? '--embedded is a broker of its own: leave out --rabbitmq' : undefined,
  whyNot: (row, { embedded }) => (embedded ? whyNot(row) : undefined),
  start: ({ embedded }) => (embedded ? startEmbeddedServers : startServers),
  // Few, so that a row can use them up.
  maxConnections: 24,
  least: () => ({ records: 20_000, perSecond: 2000 }),
});
