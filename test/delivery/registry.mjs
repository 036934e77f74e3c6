/** The rows in the order in which they run. */
import badRecords from './rows/bad-records.mjs';
import blocked from './rows/blocked.mjs';
import bothLost from './rows/both-lost.mjs';
import brokerKilled from './rows/broker-killed.mjs';
import chaos from './rows/chaos.mjs';
import connectionReset from './rows/connection-reset.mjs';
import constraintDropped from './rows/constraint-dropped.mjs';
import consumerHalfOpen from './rows/consumer-half-open.mjs';
import consumerKilled from './rows/consumer-killed.mjs';
import consumerRestarted from './rows/consumer-restarted.mjs';
import deliveryLimit from './rows/delivery-limit.mjs';
import halfOpen from './rows/half-open.mjs';
import killedAfterCommit from './rows/killed-after-commit.mjs';
import manyServices from './rows/many-services.mjs';
import outOfConnections from './rows/out-of-connections.mjs';
import partitionsChanged from './rows/partitions-changed.mjs';
import poison from './rows/poison.mjs';
import pooler from './rows/pooler.mjs';
import postgresKilled from './rows/postgres-killed.mjs';
import postgresReadOnly from './rows/postgres-read-only.mjs';
import queueDeleted from './rows/queue-deleted.mjs';
import queueFull from './rows/queue-full.mjs';
import tableLocked from './rows/table-locked.mjs';
import terminateStorm from './rows/terminate-storm.mjs';
import throttled from './rows/throttled.mjs';

/**
 * As test/suite/run-suite.mjs says what a row is, and besides
 *
 * - `needs`: 'restart': a broker that is killed and comes back with what it has confirmed (see `whyNot`).
 */
export const rows = [
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
  chaos,
];

/** Why the development broker cannot play it; undefined: it can. */
export function whyNot({ needs }) {
  if (needs !== 'restart') return undefined;
  return 'kills the broker and starts it again, and the development broker keeps everything in memory';
}
