import { killProcess, openBreakpointProxies } from '../kill-at.mjs';

const REFUSED = 'refused';
/** Each round removes the 500 dead letters that are replayed in one transaction; some are left for the last replay. */
const lettersOf = ({ rounds }) => rounds * 500 + 100;

const BREAKPOINTS = [
  { name: 'nothing is sent', at: 'broker', from: 'client', is: isPublish },
  { name: 'some are sent', at: 'broker', from: 'client', is: isPublish, nth: 200 },
  { name: 'no confirm is read', at: 'broker', from: 'server', is: ({ method }) => method === 'basic.ack' },
  { name: 'the sent dead letters are not deleted', at: 'postgres', from: 'client', is: isDelete },
  {
    name: 'the deletion is not committed',
    at: 'postgres',
    from: 'client',
    is: ({ type, text, previous }) => type === 'Q' && text === 'commit' && /^delete from/.test(previous),
  },
  {
    name: 'the answer to COMMIT is not read',
    at: 'postgres',
    from: 'server',
    is: ({ type, text, previous = '' }) => type === 'C' && text === 'COMMIT' && /^DELETE [1-9]/.test(previous),
  },
];

export default {
  name: 'in-replay',
  title:
    '"loghive dead-letters replay" is killed before and after each step, while a consumer stores the replayed records',
  size: { records: 6000, rounds: 3 },
  short: { records: 2000, rounds: 1 },
  consumer: { workers: 3, retryDelaysMs: [] },
  minEffects: (size) => ({
    'dead letters': lettersOf(size),
    killed: size.rounds * BREAKPOINTS.length,
    'duplicates dropped': 1,
  }),
  async run(testbed) {
    const { size } = testbed;
    const { application } = await testbed.begin({
      perSecond: 2000,
      information: { each: 4, add: { [REFUSED]: true } },
    });
    await testbed.query(`alter table logs.records add constraint ours check (not information ? '${REFUSED}')`);
    const letters = async () => (await testbed.query('select count(*)::int from logs.dead_letters'))[0].count;
    await testbed.eventually(async () => (await letters()) >= lettersOf(size), {
      what: 'there are enough dead letters',
      withinMs: 60_000,
    });
    await application.pause();
    await testbed.query('alter table logs.records drop constraint ours');
    const all = await letters();

    const proxies = await openBreakpointProxies(testbed);
    const replay = ({ url, databaseUrl }) =>
      testbed.loghive(['dead-letters', 'replay', '--url', url, '--database-url', databaseUrl]);
    let killed = 0;
    for (let round = 0; round < size.rounds; round++) {
      for (const breakpoint of BREAKPOINTS) {
        const stopped = proxies.stoppedAt(breakpoint);
        const child = replay(proxies);
        await stopped;
        await killProcess({ child });
        killed++;
      }
    }
    const { code } = await replay(testbed).exited;
    if (code !== 0) testbed.fault(`the last replay ended with ${code}`);
    const left = await letters();
    if (left > 0) testbed.fault(`${left} dead letters are left`);
    return () => ({
      'dead letters': all,
      killed,
      'duplicates dropped': testbed.consumers.count('duplicates'),
    });
  },
};

function isPublish({ method }) {
  return method === 'basic.publish';
}

function isDelete({ type, text }) {
  return type === 'P' && /^delete from \S+dead_letters/.test(text);
}
