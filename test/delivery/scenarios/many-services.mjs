import { randomBytes } from 'node:crypto';

const KNOWN = 400;
const QUEUES_EACH = 5;
/** The guaranteed time from the announcement to the first row. */
const WITHIN_MS = 5000;

export default {
  name: 'many-services',
  title: '400 services are known, the broker is new, and one more announces itself while the queues are declared',
  minEffects: {
    'known services': KNOWN,
    'queues declared when it announced itself': 1,
    'queues not yet declared when it was stored': KNOWN,
  },
  async run(testbed) {
    // An earlier consumer has created the tables.
    await testbed.consumers.command({ services: ['earlier'] }).ready();
    for (const fault of await testbed.consumers.stop()) testbed.fault(fault);
    for (const { name } of await testbed.queues()) await testbed.rabbitmq.deleteQueue(name, testbed.vhost);
    await testbed.query(
      `insert into logs.services (service) select 'known-' || n from generate_series(1, $1::int) as n`,
      [KNOWN],
    );

    testbed.consumers.command({ services: [] });
    const logQueues = async () => (await testbed.queues()).filter(({ name }) => name.endsWith('_logs')).length;
    const declared = await testbed.eventually(logQueues, { what: 'it declares queues', withinMs: 60_000, everyMs: 20 });
    const service = `newcomer-${randomBytes(3).toString('hex')}`;
    const application = testbed.application({ service });
    await application.untilConnected();
    const announcedAt = performance.now();
    await application.log();
    const isStored = `select true as found from logs.records where service = $1 limit 1`;
    await testbed.eventually(async () => (await testbed.query(isStored, [service])).length > 0, {
      what: 'a record of the new service is stored',
      withinMs: 60_000,
      everyMs: 10,
    });
    const tookMs = Math.round(performance.now() - announcedAt);
    if (tookMs > WITHIN_MS) testbed.fault(`the first record was stored ${tookMs} ms after the announcement`);

    // Retried, because a queue that is just being declared has no counts yet.
    const there = await testbed.eventually(logQueues, { what: 'the queues are counted', everyMs: 20 });
    const missing = (KNOWN + 1) * QUEUES_EACH - there;
    const [{ count: known }] = await testbed.query(`select count(*)::int from logs.services where service ~ '^known-'`);
    return () => ({
      'known services': known,
      'queues declared when it announced itself': declared,
      'stored within ms': tookMs,
      'queues not yet declared when it was stored': missing,
    });
  },
};
