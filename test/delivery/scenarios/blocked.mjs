export default {
  name: 'blocked',
  title: 'the broker runs out of memory and blocks publishers (connection.blocked), then unblocks them',
  minEffects: { 'warnings about blocking': 1, 'pending while blocked': 5000, 'of them on disk': 1 },
  async run(testbed) {
    const { rabbitmq } = testbed;
    const { application } = await testbed.begin();
    await application.untilLogged(1000);
    testbed.afterwards(() => rabbitmq.setVmWatermark());
    await rabbitmq.setVmWatermark(1);
    await application.until('it is blocked', ({ status }) => status.connection.state === 'blocked');
    await application.untilPending(5000);
    const { pending, onDisk } = application;
    await rabbitmq.setVmWatermark();
    await application.until('it is not blocked', ({ status }) => status.connection.state === 'ready');
    const warnings = () =>
      application.follower.child.lines.filter((line) => /the broker blocks publishers/.test(line)).length;
    return () => ({
      'warnings about blocking': warnings(),
      'pending while blocked': pending,
      'of them on disk': onDisk,
      disconnects: application.disconnects,
    });
  },
};
