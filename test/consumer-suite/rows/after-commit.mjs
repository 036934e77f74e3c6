import { killAtPlaces } from '../kill-at.mjs';

const hasRecords = async (stage) => (await stage.query('select exists (select from logs.records) as found'))[0].found;

const PLACES = [
  {
    name: 'the answer to COMMIT is not read',
    at: 'postgres',
    from: 'server',
    is: ({ type, text, previous = '' }) => type === 'C' && text === 'COMMIT' && /^COPY \d/.test(previous),
    seen: hasRecords,
  },
  {
    name: 'the acknowledgement is not sent',
    at: 'broker',
    from: 'client',
    is: ({ method }) => method === 'basic.ack',
    seen: async (stage) => (await stage.unacked()) > 0 && hasRecords(stage),
  },
];

export default {
  name: 'after-commit',
  title: 'killed between COMMIT and acknowledgement: its answer is not read, or the acknowledgement not sent',
  size: { records: 20_000, kills: 12 },
  short: { records: 4000, kills: 4 },
  consumer: { workers: 3 },
  bites: ({ kills }) => ({
    processes: kills / 2,
    'times all threads': kills / 2,
    redelivered: kills,
    'dropped by key': 1,
  }),
  async run(stage) {
    await stage.logging({ perSecond: 1000 });
    const killed = await killAtPlaces(stage, { places: PLACES, times: stage.size.kills });
    return () => ({
      ...killed,
      redelivered: stage.broker.redelivered,
      'dropped by key': stage.consumers.count('duplicates'),
    });
  },
};
