import { randomBytes } from 'node:crypto';

const KNOWN = 400;
const QUEUES_EACH = 5;
/** The promise, from the announcement to the first row. */
const WITHIN_MS = 5000;

export default {
  name: 'many-services',
  title: '400 services are known, the broker is new, and one more announces itself while the queues are declared',
  bites: { 'known services': KNOWN, 'queues there when it came': 1, 'queues not there when it was stored': KNOWN },
  async run(stage) {
    // A consumer that was here before has made the tables.
    await stage.consumers.command({ services: ['earlier'] }).ready();
    for (const fault of await stage.consumers.stop()) stage.fault(fault);
    for (const { name } of await stage.queues()) await stage.rabbitmq.deleteQueue(name, stage.vhost);
    await stage.query(
      `insert into logs.services (service) select 'known-' || n from generate_series(1, $1::int) as n`,
      [KNOWN],
    );

    stage.consumers.command({ services: [] });
    const logQueues = async () => (await stage.queues()).filter(({ name }) => name.endsWith('_logs')).length;
    const declared = await stage.eventually(logQueues, { what: 'it declares queues', withinMs: 60_000, everyMs: 20 });
    const service = `newcomer-${randomBytes(3).toString('hex')}`;
    const application = stage.application({ service });
    await application.untilConnected();
    const announcedAt = performance.now();
    await application.log();
    const isStored = `select true as found from logs.records where service = $1 limit 1`;
    await stage.eventually(async () => (await stage.query(isStored, [service])).length > 0, {
      what: 'a record of the new service is stored',
      withinMs: 60_000,
      everyMs: 10,
    });
    const tookMs = Math.round(performance.now() - announcedAt);
    if (tookMs > WITHIN_MS) stage.fault(`the first record was stored ${tookMs} ms after the announcement`);

    // Asked until it is answered: a queue that is just being declared has no numbers yet.
    const there = await stage.eventually(logQueues, { what: 'the queues are counted', everyMs: 20 });
    const missing = (KNOWN + 1) * QUEUES_EACH - there;
    const [{ count: known }] = await stage.query(`select count(*)::int from logs.services where service ~ '^known-'`);
    return () => ({
      'known services': known,
      'queues there when it came': declared,
      'stored within ms': tookMs,
      'queues not there when it was stored': missing,
    });
  },
};
