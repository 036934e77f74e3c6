import { killAtBreakpoints } from '../kill-at.mjs';

const DELAYS_MS = [1000, 2000, 4000, 8000, 16_000];
/** Records are rejected while they are young, so that each retry eventually succeeds. */
const REFUSED_WHILE_YOUNG = `alter table logs.records add constraint too_young
  check (not information ? 'refused' or ts < now() - interval '4 seconds')`;

const BREAKPOINTS = [
  {
    name: 'the copy for a delay queue is not sent',
    at: 'broker',
    from: 'client',
    is: ({ method, exchange }) => method === 'basic.publish' && exchange === 'failure_backoff',
    seen: async (testbed) => (await testbed.unacked()) > 0,
  },
  {
    name: 'the confirm of the copy is not read',
    at: 'broker',
    from: 'server',
    is: ({ method }) => method === 'basic.ack',
    seen: async (testbed) => {
      const queues = await testbed.queues();
      const delayed = queues.filter(({ name, messages }) => name.startsWith('failure_backoff') && messages > 0);
      return delayed.length > 0 && queues.some(({ name, unacked }) => name.endsWith('_logs') && unacked > 0);
    },
  },
];

export default {
  name: 'in-retry',
  title: 'killed during a retry: the copy for a delay queue is not sent, or its confirm not read',
  size: { records: 20_000, kills: 12 },
  short: { records: 4000, kills: 4 },
  consumer: { workers: 3 },
  minEffects: ({ kills }) => ({
    processes: kills / 2,
    'times all threads': kills / 2,
    redelivered: kills,
    'rejected by PostgreSQL': kills,
  }),
  async run(testbed) {
    await testbed.consumers.script().ready();
    for (const fault of await testbed.consumers.stop()) testbed.fault(fault);
    await testbed.query(REFUSED_WHILE_YOUNG);
    const refusals = () => testbed.postgresLogged('violates check constraint "too_young"');
    const before = refusals();
    await testbed.logging({ perSecond: 500, information: { each: 20, add: { refused: true } } });
    const options = { retryDelaysMs: DELAYS_MS };
    const killed = await killAtBreakpoints(testbed, { breakpoints: BREAKPOINTS, times: testbed.size.kills, options });
    return () => ({
      ...killed,
      'rejected by PostgreSQL': refusals() - before,
      redelivered: testbed.broker.redelivered,
      'duplicates dropped': testbed.consumers.count('duplicates'),
    });
  },
};
