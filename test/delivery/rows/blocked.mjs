export default {
  name: 'blocked',
  title: 'the broker has no memory left and blocks publishers (connection.blocked), then takes them again',
  bites: { 'told that it is blocked': 1, 'waiting while blocked': 5000 },
  async run(stage) {
    const { rabbitmq } = stage;
    const { application } = await stage.begin();
    await application.untilLogged(1000);
    stage.afterwards(() => rabbitmq.setVmWatermark());
    await rabbitmq.setVmWatermark(1);
    await application.until('it is blocked', ({ status }) => status.connection.state === 'blocked');
    await application.untilPending(5000);
    const { pending } = application;
    await rabbitmq.setVmWatermark();
    await application.until('it is not blocked', ({ status }) => status.connection.state === 'ready');
    const told = () =>
      application.follower.child.lines.filter((line) => /the broker blocks publishers/.test(line)).length;
    return () => ({
      'told that it is blocked': told(),
      'waiting while blocked': pending,
      disconnects: application.disconnects,
    });
  },
};
