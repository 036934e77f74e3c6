const CONSUMERS = 10;
const WORKERS = 3;
const PRODUCERS = 3;

export default {
  name: 'ten-start',
  title: 'ten consumers with three workers each start in one moment on an empty database, records wait for them',
  size: { records: 20_000 },
  short: { records: 3000 },
  consumer: { workers: WORKERS },
  bites: { consumers: CONSUMERS, workers: CONSUMERS * WORKERS, 'messages that waited': 200 },
  async run(stage) {
    const { size, consumers } = stage;
    const producers = Array.from({ length: PRODUCERS }, (_, n) =>
      stage.application({ name: `app${n}`, service: `shop-${n}`, perSecond: 500 }),
    );
    await Promise.all(producers.map((each) => each.untilConnected()));
    for (const producer of producers) await producer.log();
    for (const producer of producers) await producer.untilLogged(size.records / PRODUCERS / 2);
    const ten = Array.from({ length: CONSUMERS }, () => consumers.script({ services: [], waitForGo: true }));
    for (const each of ten) await each.until('the consumer waits', ({ waiting }) => waiting);
    const waited = await stage.messages();
    await Promise.all(ten.map((each) => each.go()));
    await Promise.all(ten.map((each) => each.ready()));
    const running = () => ten.flatMap(({ status }) => status.workers).filter(({ state }) => state === 'running').length;
    const all = CONSUMERS * WORKERS;
    await stage.eventually(() => running() === all, { what: `${all} workers run`, withinMs: 60_000 });
    return async () => {
      const applied = ten.map(({ child }) => child.stderr.filter((line) => /applied migration/.test(line)).length);
      const [{ count: migrations }] = await stage.query('select count(*)::int from logs.migrations');
      const total = applied.reduce((sum, each) => sum + each, 0);
      if (total !== migrations) stage.fault(`${migrations} migrations were applied ${total} times`);
      const logged = (level) => ten.flatMap(({ child }) => child.stderr.filter((line) => line.includes(` ${level} `)));
      for (const line of logged('ERROR')) stage.fault(`a consumer logged: ${line}`);
      return {
        consumers: ten.length,
        workers: all,
        'messages that waited': waited,
        migrations,
        // A server seems slow where the machine has no time for forty threads.
        warnings: logged('WARNING').length,
        'dropped by key': consumers.count('duplicates'),
      };
    };
  },
};
