/** Kills consumers at exact points of their communication with PostgreSQL and RabbitMQ. */
import { AMQP, POSTGRES, startBreakpointProxy } from '../support/breakpoint-proxy.mjs';

const BREAKPOINT_TIMEOUT_MS = 60_000;

/**
 * Starts a breakpoint proxy in front of each server of the testbed.
 *
 * A breakpoint is as described at `BreakpointProxy.stopAt`, with a `name`, `at`: 'broker' or 'postgres', and
 * `seen(testbed)`: whether the server itself confirms that this point is reached.
 */
export async function openBreakpointProxies(testbed) {
  const { rabbitmq, postgres } = testbed;
  const proxies = {
    broker: await startBreakpointProxy({ target: rabbitmq, protocol: AMQP }),
    postgres: await startBreakpointProxy({ target: postgres, protocol: POSTGRES }),
  };
  testbed.afterwards(() => proxies.broker.stop());
  testbed.afterwards(() => proxies.postgres.stop());
  return {
    url: proxies.broker.url(testbed.url),
    databaseUrl: proxies.postgres.url(testbed.databaseUrl),

    /** Resolves to the message when a connection has stopped at the breakpoint, and the server confirms it. */
    async stoppedAt({ name, at, seen, ...breakpoint }) {
      let late;
      const deadline = new Promise((_, reject) => {
        late = setTimeout(
          () => reject(new Error(`no connection reached the breakpoint "${name}"`)),
          BREAKPOINT_TIMEOUT_MS,
        );
      });
      const message = await Promise.race([proxies[at].stopAt(breakpoint), deadline]).finally(() => clearTimeout(late));
      if (seen) await testbed.eventually(() => seen(testbed), { what: `the server confirms "${name}"`, everyMs: 5 });
      return message;
    },
  };
}

/**
 * Kills a consumer each time one of its connections stops at the next breakpoint: alternately the process by SIGKILL
 * and all of its worker threads.
 *
 * @param options options of the consumer.
 * @returns counts for the scenario.
 */
export async function killAtBreakpoints(testbed, { breakpoints, times, options = {} }) {
  const proxies = await openBreakpointProxies(testbed);
  const start = () =>
    testbed.consumers.script({ options: { url: proxies.url, databaseUrl: proxies.databaseUrl, ...options } });
  const killed = { processes: 0, 'times all threads': 0 };
  let consumer = start();
  for (let n = 0; n < times; n++) {
    await proxies.stoppedAt(breakpoints[n % breakpoints.length]);
    // Each breakpoint is used with both kinds of kill, even if their number is even.
    const turn = breakpoints.length % 2 === 0 ? n + Math.floor(n / breakpoints.length) : n;
    if (turn % 2 === 0) {
      await killProcess(consumer);
      killed.processes++;
      consumer = start();
    } else {
      await killThreads(testbed, consumer);
      killed['times all threads']++;
    }
  }
  await consumer.until('the consumer is consuming', ({ state }) => state === 'running', BREAKPOINT_TIMEOUT_MS);
  return killed;
}

export async function killProcess({ child }) {
  const { signal } = await child.kill('SIGKILL');
  if (signal !== 'SIGKILL') throw new Error(`a process ended by ${signal}`);
}

async function killThreads(testbed, consumer) {
  const before = consumer.threadsKilled;
  await Promise.all(consumer.status.workers.map(({ id }) => consumer.killWorker(id)));
  await testbed.eventually(() => consumer.threadsKilled > before, { what: 'their deaths are logged' });
}
