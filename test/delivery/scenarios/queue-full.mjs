export default {
  name: 'queue-full',
  title: 'the queue is full and rejects messages (reject-publish) while no consumer runs, then it is drained',
  short: true,
  env: { QUEUE_MAX_SIZE: '50' },
  minEffects: { nacks: 5, 'pending while full': 10_000, 'of them on disk': 1 },
  async run(testbed) {
    // It declares the queues. Then there is no consumer.
    await testbed.consumers.script().ready();
    const faults = await testbed.consumers.stop();
    if (faults.length > 0) throw new Error(faults.join('; '));
    const application = testbed.application();
    await application.untilConnected();
    await application.log();
    await application.untilPending(10_000);
    const { pending, onDisk } = application;
    await testbed.consumers.script().ready();
    return () => ({ nacks: application.nacks, 'pending while full': pending, 'of them on disk': onDisk });
  },
};
