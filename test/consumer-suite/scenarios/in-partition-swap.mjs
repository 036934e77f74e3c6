import { openRawPublisher, recordLine } from '../../suite/raw-publisher.mjs';
import { killAtBreakpoints } from '../kill-at.mjs';

const DAY_MS = 86_400_000;
/**
 * The records go to the default partition first: a consumer without retention only creates partitions of the last 30
 * days.
 */
const DAYS = [-40, -39, -38, -37, -36, -35];
/** With this retention, the same days get their own partitions. */
const RETENTION_DAYS = 60;
const EACH_DAY = 200;

const before = (name, is) => ({ name, at: 'postgres', from: 'client', is });
const isQuery =
  (pattern) =>
  ({ type, text }) =>
    type === 'Q' && pattern.test(text);
/** In the order of one swap. */
const BREAKPOINTS = [
  before('the table of the day is not created', isQuery(/^create table \S+ \(like /)),
  before('the default partition is not locked', isQuery(/^lock table .* in access exclusive mode$/)),
  before('the rows are not moved', isQuery(/with moved as/)),
  before('the partition is not attached', isQuery(/attach partition/)),
  before(
    'the swap is not committed',
    ({ type, text, previous }) => type === 'Q' && text === 'commit' && /attach partition/.test(previous),
  ),
  {
    name: 'the answer to its COMMIT is not read',
    at: 'postgres',
    from: 'server',
    is: ({ type, text, previous }) => type === 'C' && text === 'COMMIT' && previous === 'ALTER TABLE',
  },
];

export default {
  name: 'in-partition-swap',
  title: 'killed while rows are moved from the default partition to a new one, before and after each step',
  size: { records: 20_000, kills: 12 },
  short: { records: 3000, kills: 3 },
  // A partition whose lock is not available within two seconds is skipped for a minute.
  deadlineMs: 300_000,
  consumer: { workers: 3 },
  minEffects: ({ kills }) => ({
    processes: Math.floor(kills / 2),
    'times all threads': Math.floor(kills / 2),
    'records of old days': EACH_DAY * DAYS.length,
    'rows moved': EACH_DAY * DAYS.length,
  }),
  async run(testbed) {
    await testbed.consumers.script().ready();
    const publisher = await openRawPublisher(testbed.url);
    let published = 0;
    /** Publishes `each` records for every day. */
    const publish = async (each) => {
      for (const day of DAYS) {
        const refs = Array.from({ length: each }, () => `old-${published++}`);
        const lines = refs.map((ref) => recordOf(testbed, ref, day));
        await publisher.publish(`${testbed.service}.info`, [Buffer.from(lines.join('\n'))], {
          contentType: 'application/x-ndjson',
        });
        testbed.addPublished(refs);
      }
    };
    await publish(EACH_DAY);
    const inDefault = async () =>
      (await testbed.query('select count(*)::int as rows from only logs.records_default'))[0].rows;
    const all = EACH_DAY * DAYS.length;
    await testbed.eventually(async () => (await inDefault()) === all, { what: 'the default partition contains them' });
    for (const fault of await testbed.consumers.stop()) testbed.fault(fault);

    await testbed.logging({ perSecond: 1000 });
    let going = true;
    const publishing = (async () => {
      while (going) {
        await publish(2);
        await testbed.sleep(50);
      }
    })();
    publishing.catch(() => {});
    const options = { retentionDays: RETENTION_DAYS };
    const { kills: times } = testbed.size;
    // If there are fewer kills than breakpoints, at the last ones.
    const killed = await killAtBreakpoints(testbed, { breakpoints: BREAKPOINTS.slice(-times), times, options });
    await testbed.eventually(async () => (await inDefault()) === 0, {
      what: 'every day has a partition',
      withinMs: 90_000,
    });
    going = false;
    await publishing;
    await publisher.close();
    return async () => ({
      ...killed,
      'records of old days': published,
      'rows moved': all - (await inDefault()),
      redelivered: testbed.broker.redelivered,
      'duplicates dropped': testbed.consumers.count('duplicates'),
    });
  },
};

function recordOf({ service, between }, ref, day) {
  const midnight = Math.floor(Date.now() / DAY_MS + day) * DAY_MS;
  const timestamp = new Date(midnight + between(0, DAY_MS)).toISOString();
  // With an id, a record that is delivered twice is stored once.
  return recordLine({ service, ref, timestamp, id: crypto.randomUUID() });
}
