export default {
  name: 'blocked',
  title: 'the broker has no memory left and blocks publishers (connection.blocked), then takes them again',
  bites: { blocked: 1, 'waiting while blocked': 5000 },
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
    return () => ({ blocked: 1, 'waiting while blocked': pending, disconnects: application.disconnects });
  },
};
