/**
 * Loghive (argument `logger`) and the baseline of `end-to-end`: stores one record after the other, and polls until
 * another connection sees its row.
 */
import pg from 'pg';
import { LoggerClient } from '../../dist/esm/src/index.js';
import { uuidv7 } from '../../dist/esm/src/uuid.js';
import { informationOf, MESSAGE, SERVICE } from '../records.mjs';
import { serve } from './serve.mjs';

const DEADLINE_MS = 10_000;
const [how] = process.argv.slice(2);

async function connected() {
  const client = new pg.Client({ connectionString: process.env.LOGHIVE_DATABASE_URL });
  await client.connect();
  return client;
}

const reader = await connected();
const store = how === 'logger' ? byLogger() : await byInsert();

function byLogger() {
  const logger = new LoggerClient({ service: SERVICE });
  return (information) => logger.info(MESSAGE, information);
}

async function byInsert() {
  const writer = await connected();
  return (information) =>
    writer.query('insert into logs.records values ($1, now(), $2, $3, $4, $5)', [
      uuidv7(Date.now() * 1000),
      SERVICE,
      'INFO',
      MESSAGE,
      JSON.stringify(information),
    ]);
}

/**
 * Uses the index on service and time, so the time for these few rows is negligible.
 *
 * @returns the number of rows
 */
async function rowsOf(n, since) {
  const { rows } = await reader.query(
    "select count(*)::int as n from logs.records where service = $1 and ts >= $2 and (information ->> 'n')::int = $3",
    [SERVICE, since, n],
  );
  return rows[0].n;
}

serve(async (records) => {
  const took = [];
  let lost = 0;
  let doubled = 0;
  const startedMs = performance.now();
  for (let n = 0; n < records; n++) {
    const since = new Date(Date.now() - 1000);
    const fromMs = performance.now();
    void store(informationOf(n));
    let rows = 0;
    while (rows === 0 && performance.now() - fromMs < DEADLINE_MS) rows = await rowsOf(n, since);
    if (rows === 0) lost++;
    else doubled += rows - 1;
    took.push(performance.now() - fromMs);
  }
  took.sort((a, b) => a - b);
  const at = (share) => took[Math.min(records - 1, Math.floor(records * share))];
  return { seconds: (performance.now() - startedMs) / 1000, p50: at(0.5), p99: at(0.99), lost, doubled };
});
