/** Waits for several servers that are being started. If one fails, the others are stopped. Returns [servers, stop]. */
export async function startAll(starting) {
  const results = await Promise.allSettled(starting);
  const started = results.filter((each) => each.status === 'fulfilled').map((each) => each.value);
  const stop = async () => {
    await Promise.all(started.map((server) => server.stop()));
  };
  const failed = results.find((each) => each.status === 'rejected');
  if (failed === undefined) return [started, stop];
  await stop();
  throw failed.reason;
}
