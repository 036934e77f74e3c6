const BYTES_PER_SECOND = 64_000;
const FOR_MS = 8000;

export default {
  name: 'throttled',
  title: "the producer's network is throttled to 64 kB/s for a while: it must not count as dead",
  minEffects: { 'pending at the end': 10_000, 'of them on disk': 1 },
  async run(testbed) {
    const proxy = await testbed.proxyToBroker();
    const { application } = await testbed.begin({ url: proxy.url(testbed.url), options: { socketTimeoutMs: 3000 } });
    await application.untilLogged(1000);
    const before = proxy.bytesUp;
    proxy.throttle(BYTES_PER_SECOND);
    await testbed.sleep(FOR_MS);
    await application.untilPending(10_000);
    const { pending, onDisk } = application;
    const through = proxy.bytesUp - before;
    await proxy.heal();
    return () => {
      const { disconnects } = application;
      if (disconnects > 0) testbed.fault(`a slow connection was dropped ${disconnects} times`);
      return {
        'pending at the end': pending,
        'of them on disk': onDisk,
        'kB/s forwarded': Math.round(through / FOR_MS),
        disconnects,
      };
    };
  },
};
