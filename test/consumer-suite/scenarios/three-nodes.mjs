import { startRabbitmqCluster } from '../../support/rabbitmq-cluster.mjs';

const QUEUE = 'shop_info_logs';
/** A younger quorum queue may be lost when its node is killed (RabbitMQ writes Raft's directory every 500 ms). */
const SETTLED_MS = 1500;
const PER_SECOND = 800;

export default {
  name: 'three-nodes',
  title: 'three nodes with quorum queues: the leader is killed, then two at once, then each is restarted in turn',
  size: { more: 3000, restarts: 3 },
  short: { more: 1000, restarts: 1 },
  deadlineMs: 600_000,
  startBroker: startRabbitmqCluster,
  env: { CONSUMER_WORKERS: '2', CONSUMER_HTTP_PORT: '0' },
  minEffects: ({ restarts }) => ({
    // After two nodes were down, the old leader may lead again.
    'leader changes': 1,
    'stored while one was down': 500,
    'accepted while two were down': 500,
    'disconnects of producers': 2,
    restarts,
  }),
  async run(testbed) {
    const { rabbitmq: cluster, vhost, size } = testbed;
    const consumers = [testbed.consumers.command(), testbed.consumers.command()];
    const applications = ['first', 'second'].map((name) => testbed.application({ name, perSecond: PER_SECOND }));
    await Promise.all([
      ...consumers.map((consumer) => consumer.ready()),
      ...applications.map((application) => application.untilConnected()),
    ]);
    await Promise.all(applications.map((application) => application.log()));
    const logged = () => applications.reduce((sum, { facts }) => sum + (facts.logged ?? 0), 0);
    const stored = async () => (await testbed.query('select count(*)::int as rows from logs.records'))[0].rows;
    const until = (what, holds) => testbed.eventually(holds, { what, withinMs: 120_000, everyMs: 100 });
    const whole = () => until('every queue runs on three nodes', () => cluster.isWhole(vhost));
    /** Waits until everything accepted so far is stored. */
    const caughtUp = async () => {
      const accepted = logged();
      await until('all accepted records are stored', async () => (await stored()) >= accepted);
    };
    const leader = () => until('there is a leader', () => cluster.leaderOf(QUEUE, vhost));

    await until('records are stored', async () => (await stored()) >= size.more);
    await whole();
    await testbed.sleep(SETTLED_MS);

    let changes = 0;
    const led = await leader();
    await led.kill('SIGKILL');
    const before = logged();
    const another = await leader();
    if (another !== led) changes++;
    await until('two nodes accept and deliver records', async () => (await stored()) >= before + size.more);
    const storedMeanwhile = (await stored()) - before;
    await led.start();
    await whole();
    await caughtUp();

    await testbed.sleep(SETTLED_MS);
    const second = await leader();
    const victims = [second, cluster.members.find((member) => member !== second)];
    await Promise.all(victims.map((member) => member.kill('SIGKILL')));
    const accepted = logged();
    await until('records are accepted', () => logged() >= accepted + size.more);
    const acceptedMeanwhile = logged() - accepted;
    await Promise.all(victims.map((member) => member.start()));
    await whole();
    await caughtUp();
    if ((await leader()) !== second) changes++;

    let restarts = 0;
    for (const member of cluster.members.slice(0, size.restarts)) {
      const now = logged();
      await member.restart('SIGTERM');
      restarts++;
      await whole();
      await until('records are accepted', () => logged() >= now + size.more);
    }
    await caughtUp();
    return () => ({
      'leader changes': changes,
      'stored while one was down': storedMeanwhile,
      'accepted while two were down': acceptedMeanwhile,
      'disconnects of producers': applications.reduce((sum, { disconnects }) => sum + disconnects, 0),
      restarts,
    });
  },
};
