import { killAtBreakpoints } from '../kill-at.mjs';

const hasRecords = async (testbed) =>
  (await testbed.query('select exists (select from logs.records) as found'))[0].found;

const BREAKPOINTS = [
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
    seen: async (testbed) => (await testbed.unacked()) > 0 && hasRecords(testbed),
  },
];

export default {
  name: 'after-commit',
  title: 'killed between COMMIT and acknowledgement: the answer to COMMIT is not read, or the acknowledgement not sent',
  size: { records: 20_000, kills: 12 },
  short: { records: 4000, kills: 4 },
  consumer: { workers: 3 },
  minEffects: ({ kills }) => ({
    processes: kills / 2,
    'times all threads': kills / 2,
    redelivered: kills,
    'duplicates dropped': 1,
  }),
  async run(testbed) {
    await testbed.logging({ perSecond: 1000 });
    const killed = await killAtBreakpoints(testbed, { breakpoints: BREAKPOINTS, times: testbed.size.kills });
    return () => ({
      ...killed,
      redelivered: testbed.broker.redelivered,
      'duplicates dropped': testbed.consumers.count('duplicates'),
    });
  },
};
