import { openRawPublisher, recordLine } from '../../suite/raw-publisher.mjs';
import { killAtPlaces } from '../kill-at.mjs';

const DAY_MS = 86_400_000;
/** In the default partition first: a consumer that keeps all makes partitions of the last 30 days. */
const DAYS = [-40, -39, -38, -37, -36, -35];
/** With this the same days get partitions of their own. */
const RETENTION_DAYS = 60;
const EACH_DAY = 200;

const before = (name, is) => ({ name, at: 'postgres', from: 'client', is });
const isQuery =
  (pattern) =>
  ({ type, text }) =>
    type === 'Q' && pattern.test(text);
/** In the order of one swap. */
const PLACES = [
  before('the table of the day is not made', isQuery(/^create table \S+ \(like /)),
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
  title: 'killed while rows move from the default partition to one of their own, before and after each step',
  size: { records: 20_000, kills: 12 },
  short: { records: 3000, kills: 3 },
  // What cannot have its lock for two seconds is left alone for a minute.
  deadlineMs: 300_000,
  consumer: { workers: 3 },
  bites: ({ kills }) => ({
    processes: Math.floor(kills / 2),
    'times all threads': Math.floor(kills / 2),
    'records of old days': EACH_DAY * DAYS.length,
    'rows moved': EACH_DAY * DAYS.length,
  }),
  async run(stage) {
    await stage.consumers.script().ready();
    const publisher = await openRawPublisher(stage.url);
    let published = 0;
    /** As many of each day. */
    const publish = async (each) => {
      for (const day of DAYS) {
        const refs = Array.from({ length: each }, () => `old-${published++}`);
        const lines = refs.map((ref) => recordOf(stage, ref, day));
        await publisher.publish(`${stage.service}.info`, [Buffer.from(lines.join('\n'))], {
          contentType: 'application/x-ndjson',
        });
        stage.addPublished(refs);
      }
    };
    await publish(EACH_DAY);
    const inDefault = async () =>
      (await stage.query('select count(*)::int as rows from only logs.records_default'))[0].rows;
    const all = EACH_DAY * DAYS.length;
    await stage.eventually(async () => (await inDefault()) === all, { what: 'the default partition has them' });
    for (const fault of await stage.consumers.stop()) stage.fault(fault);

    await stage.logging({ perSecond: 1000 });
    let going = true;
    const publishing = (async () => {
      while (going) {
        await publish(2);
        await stage.sleep(50);
      }
    })();
    publishing.catch(() => {});
    const options = { retentionDays: RETENTION_DAYS };
    const { kills: times } = stage.size;
    // Where there are fewer kills than places, at the last of them.
    const killed = await killAtPlaces(stage, { places: PLACES.slice(-times), times, options });
    await stage.eventually(async () => (await inDefault()) === 0, {
      what: 'every day has its partition',
      withinMs: 90_000,
    });
    going = false;
    await publishing;
    await publisher.close();
    return async () => ({
      ...killed,
      'records of old days': published,
      'rows moved': all - (await inDefault()),
      redelivered: stage.broker.redelivered,
      'dropped by key': stage.consumers.count('duplicates'),
    });
  },
};

function recordOf({ service, between }, ref, day) {
  const midnight = Math.floor(Date.now() / DAY_MS + day) * DAY_MS;
  const timestamp = new Date(midnight + between(0, DAY_MS)).toISOString();
  // With an id of its own a record that is delivered twice is stored once.
  return recordLine({ service, ref, timestamp, id: crypto.randomUUID() });
}
