const PRODUCERS = 3;
const WORKERS = 3;
/** Total of all producers: slow enough that the consumers are killed while the producers log. */
const PER_SECOND = 3000;

export default {
  name: 'pool',
  title:
    'two consumers with three workers each, threads and processes killed at random, while three producers log for a growing number of services',
  size: { records: 100_000, kills: 20, services: 12 },
  short: { records: 9000, kills: 6, services: 6 },
  deadlineMs: 300_000,
  consumer: { workers: WORKERS },
  minEffects: ({ kills, services }) => ({
    'threads killed': kills / 2,
    'processes killed': kills / 2,
    services,
    redelivered: kills / 4,
  }),
  async run(testbed) {
    const { size, consumers } = testbed;
    // Without names: services are discovered by their announcements.
    const start = () => consumers.script({ services: [] });
    const pair = [start(), start()];
    const perSecond = PER_SECOND / PRODUCERS;
    const producers = Array.from({ length: PRODUCERS }, (_, n) =>
      testbed.application({ name: `app${n}`, service: `shop-${n}`, perSecond }),
    );
    await Promise.all([...pair.map((each) => each.ready()), ...producers.map((each) => each.untilConnected())]);
    for (const producer of producers) await producer.log();

    let services = PRODUCERS;
    const appear = async () => {
      if (services === size.services) return;
      await producers[services % PRODUCERS].alsoAs(`shop-${services}`);
      services++;
    };
    const killed = { thread: 0, process: 0 };
    const kills = shuffled(
      Array.from({ length: size.kills }, (_, n) => (n % 2 === 0 ? 'thread' : 'process')),
      testbed,
    );
    const logged = () => producers.reduce((sum, { facts }) => sum + (facts.logged ?? 0), 0);
    const each = size.records / (size.kills + 1);
    for (const [n, kind] of kills.entries()) {
      // Scheduled by the number of logged records, so that records are still being logged at the last kill.
      const due = each * (n + testbed.random());
      await testbed.eventually(() => logged() >= due, { what: `${due} records are logged`, withinMs: 120_000 });
      await appear();
      // Killing consumers that have only just started proves little.
      await testbed.eventually(testbed.unacked, {
        what: 'consumers have unacknowledged messages',
        withinMs: 60_000,
        everyMs: 10,
      });
      if (kind === 'thread') await killThread(testbed, pair);
      else {
        const at = testbed.between(0, pair.length);
        const { signal } = await pair[at].child.kill('SIGKILL');
        if (signal !== 'SIGKILL') throw new Error(`a consumer ended by ${signal}`);
        pair[at] = start();
      }
      killed[kind]++;
    }
    while (services < size.services) await appear();
    return async () => {
      const [{ count }] = await testbed.query('select count(distinct service)::int from logs.records');
      return {
        'threads killed': killed.thread,
        'processes killed': killed.process,
        services: count,
        redelivered: testbed.broker.redelivered,
        'duplicates dropped': consumers.count('duplicates'),
      };
    };
  },
};

/** Kills a thread that is running now. */
async function killThread(testbed, pair) {
  const first = testbed.between(0, pair.length);
  const order = [pair[first], pair[1 - first]];
  const alive = () => {
    for (const consumer of order) {
      const running = (consumer.status.workers ?? []).filter(({ state }) => state === 'running');
      if (running.length > 0) return { consumer, id: running[testbed.between(0, running.length)].id };
    }
    return null;
  };
  const { consumer, id } = await testbed.eventually(alive, { what: 'a worker runs', withinMs: 60_000, everyMs: 5 });
  const before = consumer.threadsKilled;
  await consumer.killWorker(id);
  await testbed.eventually(() => consumer.threadsKilled > before, { what: 'its death is logged' });
}

function shuffled(list, testbed) {
  const left = [...list];
  return list.map(() => left.splice(testbed.between(0, left.length), 1)[0]);
}
