import { randomUUID } from 'node:crypto';
import { LoggerClient } from 'loghive';
import pg from 'pg';
import { TRIGGER } from '../../delivery/poisons.mjs';
import { FRAME, frames, largeRecords, openFiller, RECORDS_A_FRAME } from '../filler.mjs';

/** The guaranteed time from the logging call to the stored row, as the median of the samples. */
const WITHIN_MS = 2000;
const SAMPLE_DEADLINE_MS = 60_000;
/** Of 400 services, 2,000 queues. */
const DECLARED_WITHIN_MS = 300_000;
const LARGE_BYTES = 10 * 1024 * 1024;
const BUSY = 'busy';
const QUIET = 'quiet';
const BUSY_QUEUE = `${BUSY}_info_logs`;

/** The load in the busy service's queue: number and size of records, and records per message. */
const many = (prefix, information) => ({
  records: (size) => size.many,
  perMessage: RECORDS_A_FRAME,
  contentType: FRAME,
  bodies: (from, until) => frames({ service: BUSY, as: 'info', prefix, information }, from, until),
});

const MANY_GOOD = many('good');
const LOADS = {
  'many records': MANY_GOOD,
  // Permanent errors, temporary errors, and errors of unknown kind.
  'rejected permanently': many('bad', { raise: '22023' }),
  'rejected temporarily': many('rule', { raise: '23503' }),
  'rejected for an unknown reason': many('unclear', { raise: 'P0001' }),
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
    'an ERROR of one service is stored within 2 s while the queue of another service is full of good or bad records',
  // As many records of 10 MB as the queue accepts.
  size: { many: 1_000_000, unreadable: 100_000, large: 80, services: 400, samples: 20 },
  short: { many: 100_000, unreadable: 10_000, large: 20, services: 40, samples: 5 },
  deadlineMs: 1_200_000,
  env: { CONSUMER_WORKERS: '2', CONSUMER_HTTP_PORT: '0' },
  minEffects: ({ samples }) => ({ 'samples of each': samples }),
  async run(testbed) {
    const facts = { 'samples of each': testbed.size.samples };
    // Creates the queues and tables.
    await testbed.consumers.command({ services: [BUSY, QUIET] }).ready();
    for (const fault of await testbed.consumers.stop()) testbed.fault(fault);
    await testbed.query(TRIGGER);

    const play = async (name, load, services) => {
      const times = await measure(testbed, load, services);
      const [median, most] = [times[Math.floor(times.length / 2)], times.at(-1)];
      facts[`${name}: median and max ms`] = `${median} and ${most}`;
      if (median > WITHIN_MS) testbed.fault(`${name}: an ERROR took ${median} ms as a median, ${most} at most`);
    };
    for (const [name, load] of Object.entries(LOADS)) await play(name, load, [BUSY, QUIET]);
    await testbed.query(
      `insert into logs.services (service) select 'known-' || n from generate_series(1, $1::int) as n
       union select unnest($2::text[]) on conflict do nothing`,
      [testbed.size.services, [BUSY, QUIET]],
    );
    await play(`${testbed.size.services} services`, MANY_GOOD, []);
    return () => facts;
  },
};

/** @returns how long each ERROR of the quiet service took, in milliseconds, in ascending order. */
async function measure(testbed, load, services) {
  const filler = await openFiller(testbed.url);
  let filled = 0;
  /** Refills the queue to its target size. */
  async function fill() {
    const { messages } = (await testbed.queues()).find(({ name }) => name === BUSY_QUEUE);
    const missing = load.records(testbed.size) - messages * load.perMessage;
    if (missing < load.perMessage) return;
    await filler.fill(`${BUSY}.info`, load.bodies(filled, filled + missing), load.contentType);
    filled += missing;
  }

  await fill();
  const consumer = testbed.consumers.command({ services });
  const logger = new LoggerClient({ service: QUIET, url: testbed.url });
  const client = new pg.Client({ connectionString: testbed.databaseUrl });
  // After a failure, the server is stopped first.
  client.on('error', () => {});
  await client.connect();
  const times = [];
  try {
    await consumer.child.waitForLine(/consuming messages of/, DECLARED_WITHIN_MS);
    for (let n = 0; n < testbed.size.samples; n++) {
      await fill();
      await testbed.sleep(testbed.between(0, 200));
      times.push(await sample(testbed, logger, client));
    }
  } finally {
    await Promise.all([logger.close(), client.end(), consumer.child.kill('SIGKILL')]);
    await clear(testbed, filler);
    await filler.close();
  }
  return times.sort((a, b) => a - b);
}

async function sample(testbed, logger, client) {
  const ref = randomUUID();
  const startedAt = performance.now();
  logger.error('payment failed', { ref });
  const found = `select from logs.records where service = $1 and information->>'ref' = $2`;
  await testbed.eventually(async () => (await client.query(found, [QUIET, ref])).rowCount === 1, {
    what: 'an ERROR of the quiet service is stored once',
    withinMs: SAMPLE_DEADLINE_MS,
    everyMs: 5,
  });
  return Math.round(performance.now() - startedAt);
}

/** Removes everything before the next load. */
async function clear(testbed, filler) {
  await testbed.eventually(
    async () => {
      const left = (await testbed.queues()).filter(({ messages }) => messages > 0);
      await filler.purge(left.map(({ name }) => name));
      return left.length === 0;
    },
    { what: 'the queues are empty', withinMs: 30_000, everyMs: 200 },
  );
  await testbed.query('truncate logs.records, logs.dead_letters');
}
