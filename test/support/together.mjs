/** Servers that are being started, side by side. If one fails, the others are stopped. Gives [servers, stop]. */
export async function together(starting) {
  const settled = await Promise.allSettled(starting);
  const started = settled.filter((each) => each.status === 'fulfilled').map((each) => each.value);
  const stop = async () => {
    await Promise.all(started.map((server) => server.stop()));
  };
  const failed = settled.find((each) => each.status === 'rejected');
  if (failed === undefined) return [started, stop];
  await stop();
  throw failed.reason;
}
