const CONSUMERS = 10;
const WORKERS = 3;
const PRODUCERS = 3;

export default {
  name: 'ten-start',
  title: 'ten consumers with three workers each start at the same moment on an empty database, with records waiting',
  size: { records: 20_000 },
  short: { records: 3000 },
  consumer: { workers: WORKERS },
  minEffects: { consumers: CONSUMERS, workers: CONSUMERS * WORKERS, 'messages that waited': 200 },
  async run(testbed) {
    const { size, consumers } = testbed;
    const producers = Array.from({ length: PRODUCERS }, (_, n) =>
      testbed.application({ name: `app${n}`, service: `shop-${n}`, perSecond: 500 }),
    );
    await Promise.all(producers.map((each) => each.untilConnected()));
    for (const producer of producers) await producer.log();
    for (const producer of producers) await producer.untilLogged(size.records / PRODUCERS / 2);
    const ten = Array.from({ length: CONSUMERS }, () => consumers.script({ services: [], waitForGo: true }));
    for (const each of ten) await each.until('the consumer waits', ({ waiting }) => waiting);
    const waited = await testbed.messages();
    await Promise.all(ten.map((each) => each.go()));
    await Promise.all(ten.map((each) => each.ready()));
    const running = () => ten.flatMap(({ status }) => status.workers).filter(({ state }) => state === 'running').length;
    const all = CONSUMERS * WORKERS;
    await testbed.eventually(() => running() === all, { what: `${all} workers run`, withinMs: 60_000 });
    return async () => {
      const applied = ten.map(({ child }) => child.stderr.filter((line) => /applied migration/.test(line)).length);
      const [{ count: migrations }] = await testbed.query('select count(*)::int from logs.migrations');
      const total = applied.reduce((sum, each) => sum + each, 0);
      if (total !== migrations) testbed.fault(`${migrations} migrations were applied ${total} times`);
      const logged = (level) => ten.flatMap(({ child }) => child.stderr.filter((line) => line.includes(` ${level} `)));
      for (const line of logged('ERROR')) testbed.fault(`a consumer logged: ${line}`);
      return {
        consumers: ten.length,
        workers: all,
        'messages that waited': waited,
        migrations,
        // On a machine too busy for forty threads, a server seems slow.
        warnings: logged('WARNING').length,
        'duplicates dropped': consumers.count('duplicates'),
      };
    };
  },
};
