const RESTARTS = 8;

export default {
  name: 'consumer-restarted',
  title: 'the consumer (loghive consume) is stopped by SIGTERM under load and restarted, eight times',
  minEffects: { 'stopped with unacknowledged messages': RESTARTS, 'stored after SIGTERM': 1 },
  async run(testbed) {
    let consumer = testbed.consumers.command();
    const application = testbed.application();
    await Promise.all([consumer.ready(), application.untilConnected()]);
    await application.log();
    let ended = 0;
    let inHand = 0;
    let finished = 0;
    let longestMs = 0;
    for (let restarts = 0; restarts < RESTARTS; restarts++) {
      await testbed.sleep(testbed.between(50, 500));
      // It is stopped as soon as the broker reports unacknowledged messages: this scenario checks what happens to them.
      const held = await testbed.eventually(testbed.unacked, { what: 'it has unacknowledged messages', everyMs: 1 });
      const before = await rows(testbed);
      const begun = performance.now();
      for (const fault of await testbed.consumers.stop()) testbed.fault(fault);
      longestMs = Math.max(longestMs, performance.now() - begun);
      finished += (await rows(testbed)) - before;
      inHand += held;
      ended++;
      const left = await testbed.unacked();
      if (left > 0) testbed.fault(`${left} messages are still unacknowledged after their consumer has exited`);
      consumer = testbed.consumers.command();
      await consumer.ready();
    }
    return () => ({
      'stopped with unacknowledged messages': ended,
      'unacknowledged messages': inHand,
      'stored after SIGTERM': finished,
      'longest stop in ms': Math.round(longestMs),
      redelivered: testbed.broker.redelivered,
    });
  },
};

async function rows(testbed) {
  const [{ count }] = await testbed.query('select count(*)::int from logs.records');
  return count;
}
