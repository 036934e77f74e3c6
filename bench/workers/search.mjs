/**
 * Searches for values of a unique field of `information`, one after the other, and measures the CPU time of PostgreSQL.
 */
import pg from 'pg';
import { cpuMicros } from '../cpu.mjs';
import { serve } from './serve.mjs';

const first = Number(process.argv[2]);
const client = new pg.Client({ connectionString: process.env.LOGHIVE_DATABASE_URL });
await client.connect();
const { rows } = await client.query('select pg_backend_pid() as pid');
const [{ pid }] = rows;

serve(async (searches) => {
  const before = cpuMicros(pid);
  for (let n = 0; n < searches; n++) {
    const found = await client.query('select id from logs.records where information @> $1', [
      JSON.stringify({ n: first + n }),
    ]);
    if (found.rows.length === 0) throw new Error(`nothing was found for ${first + n}`);
  }
  return { ms: (cpuMicros(pid) - before) / 1000 / searches };
});
