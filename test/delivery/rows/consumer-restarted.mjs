const RESTARTS = 8;

export default {
  name: 'consumer-restarted',
  title: 'the consumer (loghive consume) is ended by SIGTERM under load and started again, eight times',
  bites: { restarts: RESTARTS },
  async run(stage) {
    let consumer = stage.consumers.command();
    const application = stage.application();
    await Promise.all([consumer.ready(), application.untilConnected()]);
    await application.log();
    let longestMs = 0;
    for (let restarts = 0; restarts < RESTARTS; restarts++) {
      await stage.sleep(stage.between(50, 500));
      const begun = performance.now();
      for (const fault of await stage.consumers.stop()) stage.fault(fault);
      longestMs = Math.max(longestMs, performance.now() - begun);
      consumer = stage.consumers.command();
      await consumer.ready();
    }
    return () => ({
      restarts: RESTARTS,
      'longest stop in ms': Math.round(longestMs),
      redelivered: stage.broker.redelivered,
    });
  },
};
