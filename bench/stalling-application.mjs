/**
 * Runs the application of `stall` (workers/stall.mjs) once through all states of its broker. Between them and the
 * application is a proxy.
 */
import path from 'node:path';
import { startProxy } from '../test/support/proxy.mjs';
import { eventually, sleep } from '../test/support/wait.mjs';
import { openQueues } from './queues.mjs';

const SERVICE = 'stall';
const FULL_SERVICE = 'stall-full';
const SPOOLED_SERVICE = 'stall-spooled';
/** A fifth of the application's rate. */
const THROTTLED_BYTES_S = 120_000;
const FLAP_EVERY_MS = 250;

/** @returns the results by state, and the number of lost records */
export async function runApplication(environment, queueType, { stateMs }) {
  const { hostname, port } = new URL(environment.rabbitmq.url);
  const proxy = await startProxy({ target: { host: hostname, port: Number(port) } });
  const queues = await openQueues(environment.rabbitmq);
  const { queue } = await queues.declare(SERVICE);
  const { queue: spooledQueue } = await queues.declare(SPOOLED_SERVICE);
  await queues.declare(FULL_SERVICE, { 'x-max-length': 1 });
  const child = environment.run(
    path.join('workers', 'stall.mjs'),
    [proxy.url(environment.rabbitmq.url), queueType, SERVICE, FULL_SERVICE, SPOOLED_SERVICE],
    { stdout: 'ignore' },
  );
  await child.waitForMessage(({ ready }) => ready, 30_000);

  async function ask(name, argument) {
    const from = child.messages.length;
    await child.send({ ask: name, argument });
    const { answer } = await child.waitForMessage(() => true, 120_000, { from });
    return answer;
  }
  const results = {};
  async function during(state, work) {
    await ask('measure');
    await work();
    results[state] = await ask('result');
  }
  // Each state is measured for the same time, because percentiles of different times cannot be compared.
  const forAWhile = () => sleep(stateMs);
  const comeBack = (service) => proxy.heal().then(() => ask('flush', service));
  async function goAway() {
    await proxy.refuse();
    await proxy.reset();
  }

  // Until its code is compiled and its heap has grown, each of the first two states would have longer delays.
  await sleep(stateMs / 2);
  await during('no transport', forAWhile);

  await ask('logTo', SERVICE);
  await ask('flush', SERVICE);
  await sleep(2 * stateMs);
  await during('healthy', forAWhile);

  proxy.throttle(THROTTLED_BYTES_S, { direction: 'up' });
  await during('throttled', forAWhile);
  await during('cut off', async () => {
    await goAway();
    await forAWhile();
  });
  await during('reconnecting', () => Promise.all([comeBack(SERVICE), forAWhile()]));

  await during('flapping', async () => {
    for (const endMs = performance.now() + stateMs; performance.now() < endMs; await sleep(FLAP_EVERY_MS)) {
      await proxy.reset();
    }
  });
  await ask('flush', SERVICE);

  proxy.halfOpen();
  await during('hanging', forAWhile);
  await proxy.heal({ resume: true });
  await ask('flush', SERVICE);

  await goAway();
  await ask('logTo', SPOOLED_SERVICE);
  await eventually(async () => (await ask('stats', SPOOLED_SERVICE)).spooled > 0);
  await during('spool filling', forAWhile);
  await during('spool emptying', () => Promise.all([comeBack(SPOOLED_SERVICE), forAWhile()]));

  await ask('logTo', FULL_SERVICE);
  await during('refusing', forAWhile);

  const logged = await ask('end');
  let lost = 0;
  for (const [service, name] of [
    [SERVICE, queue],
    [SPOOLED_SERVICE, spooledQueue],
  ]) {
    await ask('flush', service);
    lost += await missing(name, logged[service], await ask('stats', service));
  }
  await child.send({ ask: 'quit' });
  await child.exited;
  await queues.close();
  await proxy.stop();
  return { results, lost };

  /** Records that are counted as dropped are not lost. */
  async function missing(name, records, { dropped: counts }) {
    const dropped = Object.values(counts.INFO ?? {}).reduce((sum, each) => sum + each, 0);
    const { lost } = await queues.takeAll(name, records);
    return Math.max(0, lost - dropped);
  }
}
