/** Kills consumers at exact places of what they say to PostgreSQL and RabbitMQ, and hear of them. */
import { AMQP, POSTGRES, startBreakpointProxy } from '../support/breakpoint-proxy.mjs';

const STANDS_MS = 60_000;

/**
 * A breakpoint proxy in front of each server of the stage.
 *
 * A place is as `BreakpointProxy.stopAt` has it, with a `name`, `at`: 'broker' or 'postgres', and `seen(stage)`: what the server itself
 * says of this moment.
 */
export async function openGates(stage) {
  const { rabbitmq, postgres } = stage;
  const gates = {
    broker: await startBreakpointProxy({ target: rabbitmq, protocol: AMQP }),
    postgres: await startBreakpointProxy({ target: postgres, protocol: POSTGRES }),
  };
  stage.afterwards(() => gates.broker.stop());
  stage.afterwards(() => gates.postgres.stop());
  return {
    url: gates.broker.url(stage.url),
    databaseUrl: gates.postgres.url(stage.databaseUrl),

    /** Resolves to the message when a connection stands at the place, and the server says so. */
    async standsAt({ name, at, seen, ...place }) {
      let late;
      const deadline = new Promise((_, reject) => {
        late = setTimeout(() => reject(new Error(`no connection came to the place "${name}"`)), STANDS_MS);
      });
      const message = await Promise.race([gates[at].stopAt(place), deadline]).finally(() => clearTimeout(late));
      if (seen) await stage.eventually(() => seen(stage), { what: `"${name}" is seen`, everyMs: 5 });
      return message;
    },
  };
}

/**
 * Kills a consumer each time one of its connections stands at the next of the places; by turns the process by SIGKILL, and
 * all of its worker threads.
 *
 * @param options of the consumer.
 * @returns counts for the row.
 */
export async function killAtPlaces(stage, { places, times, options = {} }) {
  const gates = await openGates(stage);
  const start = () =>
    stage.consumers.script({ options: { url: gates.url, databaseUrl: gates.databaseUrl, ...options } });
  const killed = { processes: 0, 'times all threads': 0 };
  let consumer = start();
  for (let n = 0; n < times; n++) {
    await gates.standsAt(places[n % places.length]);
    // Each place both ways, also where their number is even.
    const turn = places.length % 2 === 0 ? n + Math.floor(n / places.length) : n;
    if (turn % 2 === 0) {
      await killProcess(consumer);
      killed.processes++;
      consumer = start();
    } else {
      await killThreads(stage, consumer);
      killed['times all threads']++;
    }
  }
  await consumer.until('the consumer takes messages', ({ state }) => state === 'running', STANDS_MS);
  return killed;
}

export async function killProcess({ child }) {
  const { signal } = await child.kill('SIGKILL');
  if (signal !== 'SIGKILL') throw new Error(`a process ended by ${signal}`);
}

async function killThreads(stage, consumer) {
  const before = consumer.threadsKilled;
  await Promise.all(consumer.status.workers.map(({ id }) => consumer.killWorker(id)));
  await stage.eventually(() => consumer.threadsKilled > before, { what: 'their deaths are logged' });
}
