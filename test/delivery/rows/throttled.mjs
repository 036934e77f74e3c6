const BYTES_PER_SECOND = 64_000;
const FOR_MS = 8000;

export default {
  name: 'throttled',
  title: "the producer's network carries 64 kB/s for a while: slow is not dead",
  bites: { 'waiting at the end of it': 10_000 },
  async run(stage) {
    const proxy = await stage.proxyToBroker();
    const { application } = await stage.begin({ url: proxy.url(stage.url), transport: { socketTimeoutMs: 3000 } });
    await application.untilLogged(1000);
    const before = proxy.bytesUp;
    proxy.throttle(BYTES_PER_SECOND);
    await stage.sleep(FOR_MS);
    await application.untilPending(10_000);
    const { pending } = application;
    const through = proxy.bytesUp - before;
    await proxy.heal();
    return () => {
      const { disconnects } = application;
      if (disconnects > 0) stage.fault(`a slow connection was given up ${disconnects} times`);
      return { 'waiting at the end of it': pending, 'kB/s let through': Math.round(through / FOR_MS), disconnects };
    };
  },
};
