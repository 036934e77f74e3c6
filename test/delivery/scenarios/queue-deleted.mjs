const ROUNDS = 4;
const LEVELS = { error: 'ERROR', warn: 'WARNING', info: 'INFO', debug: 'DEBUG' };

export default {
  name: 'queue-deleted',
  title: 'empty queues are deleted while the producer, which keeps logging, and the consumer run',
  minEffects: { 'queues deleted': 3 * ROUNDS, returned: 1, 'subscriptions ended': 1 },
  async run(testbed) {
    const { consumer, application } = await testbed.begin();
    await application.untilLogged(1000);
    let deleted = 0;
    for (let round = 0; round < ROUNDS; round++) {
      // One level continues; the queues of the others become empty.
      const [kept] = testbed.between(0, 2) === 0 ? ['info'] : ['error'];
      const others = Object.keys(LEVELS).filter((level) => level !== kept);
      await application.levels([kept]);
      await application.until('the other levels have no pending records', ({ levels, status }) => {
        const waits = (level) => status.lanes.some((lane) => lane.level === LEVELS[level] && lane.waiting > 0);
        return levels.length === 1 && levels[0] === kept && !others.some(waits);
      });
      const names = others.map((level) => `${testbed.service}_${LEVELS[level].toLowerCase()}_logs`);
      const areEmpty = (queues) => queues.every(({ name, messages }) => !names.includes(name) || messages === 0);
      await testbed.eventually(async () => areEmpty(await testbed.queues()), { what: 'the other queues are empty' });
      for (const name of names) {
        await testbed.rabbitmq.deleteQueue(name, testbed.vhost);
        deleted++;
      }
      await application.levels();
      const { logged } = application.facts;
      await application.untilLogged(logged + 3000);
    }
    return () => ({
      'queues deleted': deleted,
      returned: testbed.broker.returned,
      'subscriptions ended': consumer.child.lines.filter((line) => line.includes('canceled the subscription')).length,
    });
  },
};
