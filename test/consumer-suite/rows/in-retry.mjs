import { killAtPlaces } from '../kill-at.mjs';

const DELAYS_MS = [1000, 2000, 4000, 8000, 16_000];
/** A record is refused for as long as it is young, so that each retry has its end. */
const REFUSED_WHILE_YOUNG = `alter table logs.records add constraint too_young
  check (not information ? 'refused' or ts < now() - interval '4 seconds')`;

const PLACES = [
  {
    name: 'the copy for a delay queue is not sent',
    at: 'broker',
    from: 'client',
    is: ({ method, exchange }) => method === 'basic.publish' && exchange === 'failure_backoff',
    seen: async (stage) => (await stage.unacked()) > 0,
  },
  {
    name: 'the confirm of the copy is not read',
    at: 'broker',
    from: 'server',
    is: ({ method }) => method === 'basic.ack',
    seen: async (stage) => {
      const queues = await stage.queues();
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
  bites: ({ kills }) => ({
    processes: kills / 2,
    'times all threads': kills / 2,
    redelivered: kills,
    'refused by PostgreSQL': kills,
  }),
  async run(stage) {
    await stage.consumers.script().ready();
    for (const fault of await stage.consumers.stop()) stage.fault(fault);
    await stage.query(REFUSED_WHILE_YOUNG);
    const refusals = () => stage.postgresLogged('violates check constraint "too_young"');
    const before = refusals();
    await stage.logging({ perSecond: 500, information: { each: 20, add: { refused: true } } });
    const options = { retryDelaysMs: DELAYS_MS };
    const killed = await killAtPlaces(stage, { places: PLACES, times: stage.size.kills, options });
    return () => ({
      ...killed,
      'refused by PostgreSQL': refusals() - before,
      redelivered: stage.broker.redelivered,
      'dropped by key': stage.consumers.count('duplicates'),
    });
  },
};
