import { killProcess, openGates } from '../kill-at.mjs';

const REFUSED = 'refused';
/** Each round takes away as many as are replayed in one transaction, 500, and the last replay has some as well. */
const lettersOf = ({ rounds }) => rounds * 500 + 100;

const PLACES = [
  { name: 'nothing is sent', at: 'broker', from: 'client', is: isPublish },
  { name: 'some are sent', at: 'broker', from: 'client', is: isPublish, nth: 200 },
  { name: 'no confirm is read', at: 'broker', from: 'server', is: ({ method }) => method === 'basic.ack' },
  { name: 'what was sent is not deleted', at: 'postgres', from: 'client', is: isDelete },
  {
    name: 'what was deleted is not committed',
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
  title: '"loghive dead-letters replay" is killed before and after each step, while a consumer stores what it sends',
  size: { records: 6000, rounds: 3 },
  short: { records: 2000, rounds: 1 },
  consumer: { workers: 3, retryDelaysMs: [] },
  bites: (size) => ({ 'dead letters': lettersOf(size), killed: size.rounds * PLACES.length, 'dropped by key': 1 }),
  async run(stage) {
    const { size } = stage;
    const { application } = await stage.begin({
      perSecond: 2000,
      information: { each: 4, add: { [REFUSED]: true } },
    });
    await stage.query(`alter table logs.records add constraint ours check (not information ? '${REFUSED}')`);
    const letters = async () => (await stage.query('select count(*)::int from logs.dead_letters'))[0].count;
    await stage.eventually(async () => (await letters()) >= lettersOf(size), {
      what: 'there are dead letters enough',
      withinMs: 60_000,
    });
    await application.pause();
    await stage.query('alter table logs.records drop constraint ours');
    const all = await letters();

    const gates = await openGates(stage);
    const replay = ({ url, databaseUrl }) =>
      stage.loghive(['dead-letters', 'replay', '--url', url, '--database-url', databaseUrl]);
    let killed = 0;
    for (let round = 0; round < size.rounds; round++) {
      for (const place of PLACES) {
        const stands = gates.standsAt(place);
        const child = replay(gates);
        await stands;
        await killProcess({ child });
        killed++;
      }
    }
    const { code } = await replay(stage).exited;
    if (code !== 0) stage.fault(`the last replay ended with ${code}`);
    const left = await letters();
    if (left > 0) stage.fault(`${left} dead letters are left`);
    return () => ({
      'dead letters': all,
      killed,
      'dropped by key': stage.consumers.count('duplicates'),
    });
  },
};

function isPublish({ method }) {
  return method === 'basic.publish';
}

function isDelete({ type, text }) {
  return type === 'P' && /^delete from \S+dead_letters/.test(text);
}
