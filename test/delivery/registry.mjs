/** The scenarios in execution order. */
import badRecords from './scenarios/bad-records.mjs';
import blocked from './scenarios/blocked.mjs';
import bothLost from './scenarios/both-lost.mjs';
import brokerKilled from './scenarios/broker-killed.mjs';
import chaos from './scenarios/chaos.mjs';
import connectionReset from './scenarios/connection-reset.mjs';
import constraintDropped from './scenarios/constraint-dropped.mjs';
import consumerHalfOpen from './scenarios/consumer-half-open.mjs';
import consumerKilled from './scenarios/consumer-killed.mjs';
import consumerRestarted from './scenarios/consumer-restarted.mjs';
import deliveryLimit from './scenarios/delivery-limit.mjs';
import halfOpen from './scenarios/half-open.mjs';
import killedAfterCommit from './scenarios/killed-after-commit.mjs';
import manyServices from './scenarios/many-services.mjs';
import outOfConnections from './scenarios/out-of-connections.mjs';
import partitionsChanged from './scenarios/partitions-changed.mjs';
import poison from './scenarios/poison.mjs';
import pooler from './scenarios/pooler.mjs';
import postgresKilled from './scenarios/postgres-killed.mjs';
import postgresReadOnly from './scenarios/postgres-read-only.mjs';
import queueDeleted from './scenarios/queue-deleted.mjs';
import queueFull from './scenarios/queue-full.mjs';
import tableLocked from './scenarios/table-locked.mjs';
import terminateStorm from './scenarios/terminate-storm.mjs';
import throttled from './scenarios/throttled.mjs';
import { wholeWay } from './scenarios/whole-way.mjs';

/** The way of a record from each integration. Winston is what the other scenarios log with. */
const integrations = [
  { name: 'pino-target', integration: 'pino-target', title: "Pino's worker target", spools: 'always', short: true },
  { name: 'console', integration: 'console', title: 'the patched console', spools: 'always' },
  { name: 'client', integration: 'client', title: 'LoggerClient', spools: 'always' },
  { name: 'pipe', integration: 'pipe', title: 'an application that is piped into loghive pipe', spools: 'at the end' },
  {
    name: 'python-queues',
    integration: 'winston',
    title: 'Winston, with the queues and messages of the Python package (QUEUE_TYPE=python)',
    env: { QUEUE_TYPE: 'python' },
    spools: 'always',
    oneEach: true,
    short: true,
  },
  {
    name: 'python-producer',
    integration: 'python',
    title: 'a producer that publishes as the Python package does, without ids',
    oneEach: true,
    atLeastOnce: true,
  },
].map(wholeWay);

/**
 * Scenarios are as described in test/suite/run-suite.mjs, with one more property:
 *
 * - `needs`: 'restart': a broker that is killed and restarted without losing confirmed messages (see `whyNot`).
 */
export const scenarios = [
  consumerKilled,
  killedAfterCommit,
  consumerRestarted,
  brokerKilled,
  connectionReset,
  halfOpen,
  consumerHalfOpen,
  throttled,
  blocked,
  queueFull,
  queueDeleted,
  postgresKilled,
  postgresReadOnly,
  terminateStorm,
  outOfConnections,
  pooler,
  tableLocked,
  deliveryLimit,
  manyServices,
  badRecords,
  poison,
  constraintDropped,
  partitionsChanged,
  bothLost,
  ...integrations,
  chaos,
];

/** Why the development broker cannot run the scenario; undefined if it can. */
export function whyNot({ needs }) {
  if (needs !== 'restart') return undefined;
  return 'kills the broker and starts it again, and the development broker keeps everything in memory';
}
