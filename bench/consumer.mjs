/** `loghive consume` in the benches: its table, draining the queues, and their cost. */
import { setTimeout as pause } from 'node:timers/promises';
import { meter } from './cpu.mjs';
import { SERVICE } from './records.mjs';

const DATABASE = 'bench';
const LOGHIVE = '../dist/esm/cli/main.js';
const DRAIN_DEADLINE_MS = 120_000;
/** Partitions of today and a week ahead, and the default partition. */
const PARTITIONS = 9;

/**
 * Creates the schema with its tables, indexes and partitions, as the consumer does.
 *
 * @param isPlain resets the indexes to PostgreSQL's default settings
 */
export async function makeTable(environment, schema = 'logs', isPlain = false) {
  const consumer = startConsumer(environment, { args: ['--schema', schema] });
  await consumer.waitForLine(/consuming messages/, 30_000);
  const count = `select count(*)::int as n from pg_inherits where inhparent = '${schema}.records'::regclass`;
  while ((await environment.postgres.query(count, [], DATABASE))[0].n < PARTITIONS) await pause(50);
  await consumer.kill('SIGTERM');
  if (!isPlain) return;
  for (const { index } of await environment.postgres.query(GIN_INDEXES, [schema], DATABASE)) {
    await environment.postgres.query(`alter index ${index} reset (gin_pending_list_limit)`, [], DATABASE);
  }
}

/** The GIN indexes with data of their own, i.e. not the partitioned ones. */
const GIN_INDEXES = `
  select index.oid::regclass::text as index from pg_class index
  join pg_index on indexrelid = index.oid
  join pg_class of on of.oid = indrelid
  join pg_am on pg_am.oid = index.relam
  where amname = 'gin' and index.relkind = 'i' and of.relnamespace = $1::regnamespace and of.relname like 'records%'`;

export function startConsumer(environment, { args = [], workers, settings = {} } = {}) {
  const env = workers === undefined ? settings : { ...settings, CONSUMER_WORKERS: String(workers) };
  return environment.run(LOGHIVE, ['consume', SERVICE, ...args], { env });
}

/** Runs one round: fills the queues and drains them with a newly started consumer. */
export async function drainRound(environment, filler, records, { workers, settings } = {}) {
  await emptyTable(environment);
  await filler.round(records);
  const { seconds, cpu } = await drainQueues(environment, { workers, settings });
  return { seconds, cpu, records, ...(await countRows(environment, records)) };
}

/**
 * Measures from the consumer's connect until RabbitMQ has received the last acknowledgement, which follows the last
 * COMMIT.
 *
 * @returns seconds, and the CPU time of consumer, PostgreSQL and broker
 */
async function drainQueues(environment, options) {
  const messages = await messagesLeft(environment);
  const consumer = startConsumer(environment, options);
  await consumer.waitForLine(/connected to RabbitMQ/, 30_000);
  const { postgres, rabbitmq } = environment;
  const measured = meter({ consumer: consumer.pid, postgresql: postgres.pid, broker: rabbitmq.pid });
  const startedMs = performance.now();
  for (let left = messages; left > 0; left = await messagesLeft(environment)) {
    const elapsedMs = performance.now() - startedMs;
    if (elapsedMs > DRAIN_DEADLINE_MS) throw new Error(`${left} messages were left:\n${consumer.lines.join('\n')}`);
    // Queries cost the broker time: infrequent at first, frequent near the end.
    const expectedMs = (elapsedMs * left) / (messages - left);
    await pause(Math.min(Math.max(expectedMs / 2, 5), 500));
  }
  const seconds = (performance.now() - startedMs) / 1000;
  await emptyPendingLists(environment);
  const cpu = measured();
  const { code } = await consumer.kill('SIGTERM');
  if (code !== 0) throw new Error(`the consumer exited with ${code}:\n${consumer.lines.slice(-10).join('\n')}`);
  return { seconds, cpu };
}

async function messagesLeft({ rabbitmq }) {
  const queues = await rabbitmq.listQueues();
  return queues.reduce((sum, { messages }) => sum + messages, 0);
}

/** Entries in an index's pending list are unfinished work, which belongs to the CPU time of the round. */
export async function emptyPendingLists({ postgres }, schema = 'logs') {
  for (const { index } of await postgres.query(GIN_INDEXES, [schema], DATABASE)) {
    await postgres.query('select gin_clean_pending_list($1::regclass)', [index], DATABASE);
  }
}

/** Runs a checkpoint as well, so that no measurement includes the writes of the one before. */
export async function emptyTable({ postgres }, schema = 'logs') {
  await postgres.query(`truncate ${schema}.records`, [], DATABASE);
  await postgres.query('checkpoint', [], DATABASE);
}

export async function countRows({ postgres }, records, schema = 'logs') {
  const [{ rows, known }] = await postgres.query(
    `select count(*)::int as rows, count(distinct n) filter (where n between 0 and $1 - 1)::int as known
     from (select (information ->> 'n')::int as n from ${schema}.records) as numbered`,
    [records],
    DATABASE,
  );
  return { lost: records - known, doubled: rows - known };
}
