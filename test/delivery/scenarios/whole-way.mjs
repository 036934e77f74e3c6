/** One run for each integration: the same faults between the logging call and the table, so that the rows compare. */
import { isDeepStrictEqual } from 'node:util';

const PYTHON_ARGUMENTS = { 'x-message-ttl': 604_800_000, 'x-max-length': 1_000_000 };
/** Its offset is neither zero nor whole hours: a local time that is read as another zone's is wrong. */
const TIME_ZONE = 'Asia/Kathmandu';
/** Records that are logged while nobody consumes. Where each is a message, as many messages are in the queues. */
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
 * @param row.spools when it has records on disk: 'at the end', or 'always', that is also while the broker is away.
 *   Default: never.
 * @param row.oneEach each message holds one record.
 * @param row.atLeastOnce see test/suite/run-suite.mjs.
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
      'PostgreSQL killed': 1,
      'connections of the application': 3,
      redelivered: 1,
      ...(spools === 'always' ? { 'files on disk': 1 } : {}),
      ...(spools ? { 'left on disk at the end': 1 } : {}),
      'messages without a consumer': oneEach ? IN_QUEUES : 1,
    },
    async run(testbed) {
      const { consumers } = testbed;
      const startedAt = new Date();
      const proxy = await testbed.proxyToBroker();
      const start = async (own) => {
        const url = proxy.url(testbed.url);
        const application = testbed.application({ name: own, integration, url, perSecond: PER_SECOND });
        await application.until('it has started', ({ logged }) => logged === 0);
        await application.log();
        return application;
      };

      const consumer = consumers.script();
      await consumer.ready();
      if (env.QUEUE_TYPE === 'python') await checkArguments(testbed);
      const first = await start('first');
      await consumer.until('it stores', isStoring, 60_000);
      await testbed.rabbitmq.sync?.();
      const messages = await killConsumer(testbed, { consumer, application: first, atLeast: oneEach ? IN_QUEUES : 1 });
      const recoveries = await killPostgres(testbed, first);
      const onDisk = await loseBroker(testbed, { proxy, application: first, mustSpool: spools === 'always' });

      await proxy.refuse();
      await proxy.reset();
      await more(first, 1000);
      checkEnd(testbed, await testbed.terminate(first), { isLeft: spools !== undefined });
      const second = await start('second');
      await more(second, 1000);
      await proxy.heal();
      await second.untilLogged(testbed.leastRecords - first.facts.logged);
      // Messages of one record are slow: it would leave records on disk if it logged faster than they are confirmed.
      await second.pause();
      const isSent = async () => (await testbed.spooled()).length === 0;
      await testbed.eventually(isSent, { what: 'what was left on disk is sent', withinMs: 120_000 });
      await second.log();
      await more(second, 1000);
      await second.pause();
      checkEnd(testbed, await testbed.terminate(second), { isLeft: false });

      return async ({ twice }) => {
        await checkTimes(testbed, startedAt);
        return {
          'messages without a consumer': messages,
          'PostgreSQL killed': recoveries,
          'connections of the application': proxy.accepted,
          redelivered: testbed.broker.redelivered,
          ...(spools === 'always' ? { 'files on disk': onDisk } : {}),
          ...(spools ? { 'left on disk at the end': leftBy(first) } : {}),
          ...(atLeastOnce
            ? { 'stored again, without an id': twice }
            : { 'duplicates dropped': consumers.count('duplicates') }),
        };
      };
    },
  };
}

const isStoring = ({ counts }) => counts?.stored > 0;
const more = (application, records) => application.untilLogged((application.facts.logged ?? 0) + records);

/** Kills the consumer, and starts another. Returns how many messages were in the queues in between. */
async function killConsumer(testbed, { consumer, application, atLeast }) {
  await consumer.child.kill('SIGKILL');
  await more(application, IN_QUEUES + 1000);
  const enough = async () => {
    const messages = await testbed.messages();
    return messages >= atLeast && messages;
  };
  const what = `${atLeast} messages are in the queues`;
  const messages = await testbed.eventually(enough, { what, withinMs: 30_000 });
  const next = testbed.consumers.script();
  await next.ready();
  await next.until('it stores', isStoring, 60_000);
  return messages;
}

/** Kills PostgreSQL, and starts it again. Returns how many times it has recovered. */
async function killPostgres(testbed, application) {
  const recoveries = () => testbed.postgresLogged('database system was interrupted');
  const before = recoveries();
  await testbed.postgres.kill('SIGKILL');
  await more(application, 1000);
  await testbed.postgres.start();
  return recoveries() - before;
}

/**
 * Kills the broker, and starts it again. The development broker keeps everything in memory, so the application is
 * disconnected from it instead. Returns the number of files on disk meanwhile.
 *
 * @param mustSpool whether to wait until there is one.
 */
async function loseBroker(testbed, { proxy, application, mustSpool }) {
  const { rabbitmq } = testbed;
  const canRestart = rabbitmq.start !== undefined;
  await testbed.broker.read();
  if (canRestart) {
    await testbed.killBroker();
  } else {
    await proxy.refuse();
    await proxy.reset();
  }
  await more(application, 1000);
  const files = async () => (await testbed.spooled()).length;
  const onDisk = mustSpool
    ? await testbed.eventually(files, { what: 'records are on disk', withinMs: 30_000 })
    : await files();
  await (canRestart ? rabbitmq.start() : proxy.heal());
  const isConnected = () => proxy.connections > 0;
  await testbed.eventually(isConnected, { what: 'the application is connected again', withinMs: 60_000 });
  await more(application, 1000);
  return onDisk;
}

/** Python consumers declare their queues with these arguments, and RabbitMQ refuses that if ours differ. */
async function checkArguments(testbed) {
  const queues = (await testbed.queues()).filter(({ name }) => name.endsWith('_logs'));
  for (const { name, type, arguments: own } of queues) {
    if (type === 'classic' && isDeepStrictEqual(own, PYTHON_ARGUMENTS)) continue;
    testbed.fault(`${name} is ${type}, with the arguments ${JSON.stringify(own)}`);
  }
}

async function checkTimes(testbed, startedAt) {
  const [{ wrong }] = await testbed.query(
    'select count(*)::int as wrong from logs.records where ts not between $1 and now()',
    [startedAt],
  );
  if (wrong > 0) testbed.fault(`${wrong} records are stored with a wrong time`);
}

/** The application ends by the signal; `loghive pipe` exits, with 1 if it has left records on disk. */
function checkEnd(testbed, { exits: [application, command] }, { isLeft }) {
  if (application.signal !== 'SIGTERM') testbed.fault(`the application ended with ${JSON.stringify(application)}`);
  if (command && command.code !== (isLeft ? 1 : 0)) testbed.fault(`loghive pipe ended with ${JSON.stringify(command)}`);
}

/** The number of records that it has reported as left on disk. */
function leftBy(application) {
  const reports = application.diagnostics().map((line) => /(\d+) records? left on disk/.exec(line)?.[1]);
  return reports.reduce((sum, records = 0) => sum + Number(records), 0);
}
