const RESTARTS = 8;

export default {
  name: 'consumer-restarted',
  title: 'the consumer (loghive consume) is ended by SIGTERM under load and started again, eight times',
  bites: { 'ended with messages in hand': RESTARTS, 'stored after SIGTERM': 1 },
  async run(stage) {
    let consumer = stage.consumers.command();
    const application = stage.application();
    await Promise.all([consumer.ready(), application.untilConnected()]);
    await application.log();
    let ended = 0;
    let inHand = 0;
    let finished = 0;
    let longestMs = 0;
    for (let restarts = 0; restarts < RESTARTS; restarts++) {
      await stage.sleep(stage.between(50, 500));
      // It is ended in the moment in which the broker says so: what it does with them is the point of this row.
      const held = await stage.eventually(stage.unacked, { what: 'it has messages in hand', everyMs: 1 });
      const before = await rows(stage);
      const begun = performance.now();
      for (const fault of await stage.consumers.stop()) stage.fault(fault);
      longestMs = Math.max(longestMs, performance.now() - begun);
      finished += (await rows(stage)) - before;
      inHand += held;
      ended++;
      const left = await stage.unacked();
      if (left > 0) stage.fault(`${left} messages are in the hand of a consumer that has ended`);
      consumer = stage.consumers.command();
      await consumer.ready();
    }
    return () => ({
      'ended with messages in hand': ended,
      'messages in hand': inHand,
      'stored after SIGTERM': finished,
      'longest stop in ms': Math.round(longestMs),
      redelivered: stage.broker.redelivered,
    });
  },
};

async function rows(stage) {
  const [{ count }] = await stage.query('select count(*)::int from logs.records');
  return count;
}
