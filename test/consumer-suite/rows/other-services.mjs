import { randomUUID } from 'node:crypto';
import { LoggerClient } from 'loghive';
import pg from 'pg';
import { TRIGGER } from '../../delivery/poisons.mjs';
import { FRAME, frames, largeRecords, openFiller, RECORDS_A_FRAME } from '../filler.mjs';

/** The promise: from the call until it is in the table, as the median of the samples. */
const WITHIN_MS = 2000;
const SAMPLE_DEADLINE_MS = 60_000;
/** Of 400 services, 2,000 queues. */
const DECLARED_WITHIN_MS = 300_000;
const LARGE_BYTES = 10 * 1024 * 1024;
const BUSY = 'busy';
const QUIET = 'quiet';
const BUSY_QUEUE = `${BUSY}_info_logs`;

/** What lies in the queue of the busy service: so many records of a size, in messages of so many each. */
const many = (prefix, information) => ({
  records: (size) => size.many,
  perMessage: RECORDS_A_FRAME,
  contentType: FRAME,
  bodies: (from, until) => frames({ service: BUSY, as: 'info', prefix, information }, from, until),
});

const MANY_GOOD = many('good');
const LOADS = {
  'many records': MANY_GOOD,
  // What PostgreSQL refuses for good, what it may take later, and what it says nothing of.
  'refused for good': many('bad', { raise: '22023' }),
  'refused for now': many('rule', { raise: '23503' }),
  'refused without a reason': many('unclear', { raise: 'P0001' }),
  'not readable': {
    records: (size) => size.unreadable,
    perMessage: 1,
    contentType: 'application/json',
    *bodies(from, until) {
      for (let n = from; n < until; n++) yield Buffer.from(`no record ${n}`);
    },
  },
  'records of 10 MB': {
    records: (size) => size.large,
    perMessage: 1,
    contentType: 'application/json',
    bodies: (from, until) => largeRecords({ service: BUSY, as: 'info', prefix: 'large' }, from, until, LARGE_BYTES),
  },
};

export default {
  name: 'other-services',
  title:
    'an ERROR of one service is stored within 2 s while the queue of another one is full, of good or of bad records',
  // As many of 10 MB as the queue takes.
  size: { many: 1_000_000, unreadable: 100_000, large: 80, services: 400, samples: 20 },
  short: { many: 100_000, unreadable: 10_000, large: 20, services: 40, samples: 5 },
  deadlineMs: 1_200_000,
  env: { CONSUMER_WORKERS: '2', CONSUMER_HTTP_PORT: '0' },
  bites: ({ samples }) => ({ 'samples of each': samples }),
  async run(stage) {
    const facts = { 'samples of each': stage.size.samples };
    // It makes the queues and the tables.
    await stage.consumers.command({ services: [BUSY, QUIET] }).ready();
    for (const fault of await stage.consumers.stop()) stage.fault(fault);
    await stage.query(TRIGGER);

    const play = async (name, load, services) => {
      const times = await measure(stage, load, services);
      const [median, most] = [times[Math.floor(times.length / 2)], times.at(-1)];
      facts[`${name}: median and most ms`] = `${median} and ${most}`;
      if (median > WITHIN_MS) stage.fault(`${name}: an ERROR took ${median} ms as a median, ${most} at most`);
    };
    for (const [name, load] of Object.entries(LOADS)) await play(name, load, [BUSY, QUIET]);
    await stage.query(
      `insert into logs.services (service) select 'known-' || n from generate_series(1, $1::int) as n
       union select unnest($2::text[]) on conflict do nothing`,
      [stage.size.services, [BUSY, QUIET]],
    );
    await play(`${stage.size.services} services`, MANY_GOOD, []);
    return () => facts;
  },
};

/** @returns how long each ERROR of the quiet service took, in milliseconds, in ascending order. */
async function measure(stage, load, services) {
  const filler = await openFiller(stage.url);
  let filled = 0;
  /** Brings the queue back to what it is to hold. */
  async function fill() {
    const { messages } = (await stage.queues()).find(({ name }) => name === BUSY_QUEUE);
    const missing = load.records(stage.size) - messages * load.perMessage;
    if (missing < load.perMessage) return;
    await filler.fill(`${BUSY}.info`, load.bodies(filled, filled + missing), load.contentType);
    filled += missing;
  }

  await fill();
  const consumer = stage.consumers.command({ services });
  const logger = new LoggerClient({ service: QUIET, url: stage.url });
  const client = new pg.Client({ connectionString: stage.databaseUrl });
  await client.connect();
  const times = [];
  try {
    await consumer.child.waitForLine(/consuming messages of/, DECLARED_WITHIN_MS);
    for (let n = 0; n < stage.size.samples; n++) {
      await fill();
      await stage.sleep(stage.between(0, 200));
      times.push(await sample(stage, logger, client));
    }
  } finally {
    await Promise.all([logger.close(), client.end(), consumer.child.kill('SIGKILL')]);
    await clear(stage, filler);
    await filler.close();
  }
  return times.sort((a, b) => a - b);
}

async function sample(stage, logger, client) {
  const ref = randomUUID();
  const startedAt = performance.now();
  logger.error('payment failed', { ref });
  const found = `select from logs.records where service = $1 and information->>'ref' = $2`;
  await stage.eventually(async () => (await client.query(found, [QUIET, ref])).rowCount === 1, {
    what: 'an ERROR of the quiet service is stored once',
    withinMs: SAMPLE_DEADLINE_MS,
    everyMs: 5,
  });
  return Math.round(performance.now() - startedAt);
}

/** Nothing is left for the next load. */
async function clear(stage, filler) {
  await stage.eventually(
    async () => {
      const left = (await stage.queues()).filter(({ messages }) => messages > 0);
      await filler.purge(left.map(({ name }) => name));
      return left.length === 0;
    },
    { what: 'the queues are empty', withinMs: 30_000, everyMs: 200 },
  );
  await stage.query('truncate logs.records, logs.dead_letters');
}
