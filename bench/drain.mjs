/**
 * `drain`: full quorum queues until all of it is committed in PostgreSQL, by `loghive consume` with its defaults, against
 * one COPY of the same rows into the same table with the same indexes. PostgreSQL is as it comes: fsync on.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { compete, RATE } from './contest.mjs';
import { SERVICE } from './records.mjs';

const FULL = { rounds: 5, records: 300_000 };
const SHORT = { rounds: 2, records: 150_000 };
const DATABASE = 'bench';
const LOGHIVE = '../dist/esm/cli/main.js';
const DRAIN_DEADLINE_MS = 120_000;

export const drain = {
  name: 'drain',
  goal: 0.6,
  measure: RATE,
  theirName: 'COPY',
  async run(arena, { short }, told) {
    const { rounds, records } = short ? SHORT : FULL;
    const filler = await arena.side('publisher.mjs', 'mixed');
    await makeTable(arena);
    const copy = await arena.side('copy.mjs');
    const result = await compete(
      {
        measure: RATE,
        rounds,
        async ours() {
          await emptyTable(arena);
          await filler.round(records);
          const seconds = await drainQueues(arena);
          return { seconds, records, ...(await countRows(arena, records)) };
        },
        async theirs() {
          await emptyTable(arena);
          const { seconds } = await copy.round(records);
          return { seconds, records, ...(await countRows(arena, records)) };
        },
      },
      told,
    );
    await Promise.all([filler.end(), copy.end()]);
    return result;
  },
};

/** Table, indexes and the partitions of these days are made by a consumer that has nothing to do. */
async function makeTable(arena) {
  const consumer = arena.run(LOGHIVE, ['consume', SERVICE]);
  await consumer.waitForLine(/taking messages/, 30_000);
  await consumer.kill('SIGTERM');
}

/** From the moment when it is connected until RabbitMQ has the last acknowledgement, which follows the last COMMIT. */
async function drainQueues(arena) {
  const messages = await messagesLeft(arena);
  const consumer = arena.run(LOGHIVE, ['consume', SERVICE]);
  await consumer.waitForLine(/connected to RabbitMQ/, 30_000);
  const startedMs = performance.now();
  for (let left = messages; left > 0; left = await messagesLeft(arena)) {
    const elapsedMs = performance.now() - startedMs;
    if (elapsedMs > DRAIN_DEADLINE_MS) throw new Error(`${left} messages were left:\n${consumer.lines.join('\n')}`);
    // Asking costs the broker time: seldom at first, often when the end is near.
    const expectedMs = (elapsedMs * left) / (messages - left);
    await pause(Math.min(Math.max(expectedMs / 2, 5), 500));
  }
  const seconds = (performance.now() - startedMs) / 1000;
  const { code } = await consumer.kill('SIGTERM');
  if (code !== 0) throw new Error(`the consumer ended with ${code}:\n${consumer.lines.slice(-10).join('\n')}`);
  return seconds;
}

async function messagesLeft({ rabbitmq }) {
  const queues = await rabbitmq.listQueues();
  return queues.reduce((sum, { messages }) => sum + messages, 0);
}

/** A checkpoint, so that no side pays for what the other one has written. */
async function emptyTable({ postgres }) {
  await postgres.query('truncate logs.records', [], DATABASE);
  await postgres.query('checkpoint', [], DATABASE);
}

async function countRows({ postgres }, records) {
  const [{ rows, known }] = await postgres.query(
    `select count(*)::int as rows, count(distinct n) filter (where n between 0 and $1 - 1)::int as known
     from (select (information ->> 'n')::int as n from logs.records) as numbered`,
    [records],
    DATABASE,
  );
  return { lost: records - known, doubled: rows - known };
}
