/** One run for each integration: the same faults between the logging call and the table, so that the rows compare. */

const PYTHON_ARGUMENTS = { 'x-message-ttl': 604_800_000, 'x-max-length': 1_000_000 };
/** Its offset is neither zero nor whole hours: a local time that is read as another zone's is wrong. */
const TIME_ZONE = 'Asia/Kathmandu';
const IN_QUEUES = 1000;
/** Above the minimum. What piles up during the faults has to be stored too. */
const PER_SECOND = 2400;

/**
 * Records of an application on their way while the consumer, PostgreSQL and the broker are killed. Then the application
 * ends by SIGTERM while it cannot reach the broker, its next process continues, and ends by SIGTERM too.
 *
 * @param row.integration one of test/suite/integrations.mjs.
 * @param row.title what logs.
 * @param row.short see test/suite/run-suite.mjs.
 * @param row.env environment of the application and the consumers.
 * @param row.spools whether it keeps records on disk: 'at the end', or 'always', that is also while it runs. Default: it does not.
 * @param row.oneEach each message holds one record.
 */
export function wholeWay({ name, integration, title, short = false, env = {}, ...row }) {
  const { spools, oneEach = false, atLeastOnce = false } = row;
  return {
    name,
    title: `${title}: consumer, PostgreSQL and broker are killed, the application is ended by SIGTERM twice, once without a broker`,
    short,
    atLeastOnce,
    env: { TZ: TIME_ZONE, ...env },
    minEffects: {
      'consumers killed': 1,
      'PostgreSQL killed': 1,
      'connections of the application': 3,
      redelivered: 1,
      ...(spools === 'always' ? { 'files on disk': 1 } : {}),
      ...(spools ? { 'left on disk at the end': 1 } : {}),
      ...(oneEach ? { 'messages without a consumer': IN_QUEUES } : {}),
    },
    async run(testbed) {
      const { rabbitmq, postgres, consumers } = testbed;
      const startedAt = new Date();
      const proxy = await testbed.proxyToBroker();
      const start = (name) =>
        testbed.application({ name, integration, url: proxy.url(testbed.url), perSecond: PER_SECOND });
      const more = (application, records) => application.untilLogged((application.facts.logged ?? 0) + records);
      const stores = (consumer) => consumer.until('it stores', ({ counts }) => counts?.stored > 0, 60_000);

      let consumer = consumers.script();
      await consumer.ready();
      if (env.QUEUE_TYPE === 'python') await checkArguments(testbed);
      const first = start('first');
      await first.until('it has started', ({ logged }) => logged === 0);
      await first.log();
      await stores(consumer);
      await rabbitmq.sync?.();

      await consumer.child.kill('SIGKILL');
      await more(first, IN_QUEUES + 1000);
      const messages = await atLeast(testbed, oneEach ? IN_QUEUES : 1);
      consumer = consumers.script();
      await consumer.ready();
      await stores(consumer);

      const recoveries = () => testbed.postgresLogged('database system was interrupted');
      const before = recoveries();
      await postgres.kill('SIGKILL');
      await more(first, 1000);
      await postgres.start();
      await testbed.broker.read();

      const restart = await loseBroker(testbed, proxy);
      await more(first, 1000);
      const onDisk = spools === 'always' ? await onDiskBy(testbed) : [];
      await restart();
      const isConnected = () => proxy.connections > 0;
      await testbed.eventually(isConnected, { what: 'the application is connected again', withinMs: 60_000 });
      await more(first, 1000);

      await proxy.refuse();
      await proxy.reset();
      await more(first, 1000);
      const { exits } = await testbed.terminate(first);
      checkEnd(testbed, exits, { isLeft: Boolean(spools) });
      const second = start('second');
      await second.until('it has started', ({ logged }) => logged === 0);
      await second.log();
      await more(second, 1000);
      await proxy.heal();
      await second.untilLogged(testbed.leastRecords - first.facts.logged);
      // Messages of one record are slow. It would leave records on disk if it logged faster than they are confirmed.
      await second.pause();
      const isSent = async () => (await testbed.spooled()).length === 0;
      await testbed.eventually(isSent, { what: 'what was left on disk is sent', withinMs: 120_000 });
      await second.log();
      await more(second, 1000);
      await second.pause();
      checkEnd(testbed, (await testbed.terminate(second)).exits, { isLeft: false });

      return async ({ twice }) => {
        const [{ wrong }] = await testbed.query(
          'select count(*)::int as wrong from logs.records where ts not between $1 and now()',
          [startedAt],
        );
        if (wrong > 0) testbed.fault(`${wrong} records are stored with a wrong time`);
        return {
          'consumers killed': 1,
          'PostgreSQL killed': recoveries() - before,
          'connections of the application': proxy.accepted,
          redelivered: testbed.broker.redelivered,
          ...(atLeastOnce
            ? { 'stored again, without an id': twice }
            : { 'duplicates dropped': consumers.count('duplicates') }),
          'messages without a consumer': messages,
          'files on disk': onDisk.length,
          'left on disk at the end': leftBy(first),
        };
      };
    },
  };
}

/** The number of messages in the queues, as soon as it is at least this. */
function atLeast(testbed, messages) {
  const enough = async () => {
    const count = await testbed.messages();
    return count >= messages && count;
  };
  return testbed.eventually(enough, { what: `${messages} messages are in the queues`, withinMs: 30_000 });
}

/** The files on disk, as soon as there are some. */
function onDiskBy(testbed) {
  const some = async () => {
    const files = await testbed.spooled();
    return files.length > 0 && files;
  };
  return testbed.eventually(some, { what: 'records are on disk', withinMs: 30_000 });
}

/** Python consumers declare their queues with these arguments, and RabbitMQ refuses that if ours differ. */
async function checkArguments(testbed) {
  for (const { name, type, arguments: own } of await testbed.queues()) {
    if (!name.endsWith('_logs')) continue;
    const actual = JSON.stringify({ type, ...own }, Object.keys({ type, ...own }).sort());
    const expected = { type: 'classic', ...PYTHON_ARGUMENTS };
    if (actual !== JSON.stringify(expected, Object.keys(expected).sort())) testbed.fault(`${name} is ${actual}`);
  }
}

/** Kills the broker. The development broker keeps everything in memory, so the application is disconnected from it. */
async function loseBroker(testbed, proxy) {
  const { rabbitmq } = testbed;
  if (rabbitmq.start === undefined) {
    await proxy.refuse();
    await proxy.reset();
    return () => proxy.heal();
  }
  await testbed.killBroker();
  return () => rabbitmq.start();
}

/** The application ends by the signal; `loghive pipe` exits, with 1 if it has left records on disk. */
function checkEnd(testbed, [application, command], { isLeft }) {
  if (application.signal !== 'SIGTERM') testbed.fault(`the application ended with ${JSON.stringify(application)}`);
  if (command && command.code !== (isLeft ? 1 : 0)) testbed.fault(`loghive pipe ended with ${JSON.stringify(command)}`);
}

/** The number of records that it has reported as left on disk. */
function leftBy(application) {
  const reports = application.diagnostics().map((line) => /(\d+) records? left on disk/.exec(line)?.[1]);
  return reports.reduce((sum, records = 0) => sum + Number(records), 0);
}
