export default {
  name: 'queue-full',
  title: 'the queue is full and refuses (reject-publish) while no consumer runs, then it is drained',
  short: true,
  env: { QUEUE_MAX_SIZE: '50' },
  bites: { nacks: 5, 'waiting while full': 10_000 },
  async run(stage) {
    // It declares the queues; then nobody reads.
    await stage.consumers.script().ready();
    const faults = await stage.consumers.stop();
    if (faults.length > 0) throw new Error(faults.join('; '));
    const application = stage.application();
    await application.untilConnected();
    await application.log();
    await application.untilPending(10_000);
    const { pending } = application;
    await stage.consumers.script().ready();
    return () => ({ nacks: application.nacks, 'waiting while full': pending });
  },
};
