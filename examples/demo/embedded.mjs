/** The servers of `loghive dev`, which need no installation. The broker runs in a process of its own. */
import path from 'node:path';
import { findPostgresBinaries, startEmbeddedPostgres } from '../../dist/esm/cli/embedded/postgres/index.js';
import { startDevelopmentBroker } from '../../test/support/development-broker.mjs';
import { startAll } from '../../test/support/start-all.mjs';
import { eventually } from '../../test/support/wait.mjs';

export const description = 'starting a development broker and a PostgreSQL, as loghive dev does';

const dataIn = (folder) => path.join(folder, 'postgres');

/** Processes that a killed demo would leave behind, for startWatchdog. The broker exits on its own. */
export function leftovers(folder) {
  const cluster = path.join(dataIn(folder), 'data');
  return [{ pidFile: path.join(cluster, 'postmaster.pid'), mark: cluster }];
}

/** @param folder accessible to the user that PostgreSQL runs as */
export async function startServers(folder) {
  const binaries = findPostgresBinaries();
  if (binaries === undefined) throw new Error('no PostgreSQL found: run npm ci, with optional dependencies');
  const [[broker, postgres], stop] = await startAll([
    startDevelopmentBroker(),
    // If this user cannot access the programs, they are copied into the folder and removed with it.
    startEmbeddedPostgres({ folder: dataIn(folder), binaries, places: [path.join(folder, 'programs')] }),
  ]);
  let closed = 0;
  return {
    names: `${broker.product} on port ${broker.port}, PostgreSQL ${postgres.version} on port ${postgres.port}`,
    broker: `${broker.product} ${broker.version}`,
    brokerUrl: broker.url,
    databaseUrl: postgres.url,
    listQueues: () => broker.listQueues(),
    stop,
    /** It keeps everything in memory, so it cannot be killed and restarted, but it can close all connections. */
    fault: {
      counts: { brokerRestarts: 0, brokerCuts: 1 },
      async inject() {
        closed = await broker.closeConnections({ reason: 'the demo closes all connections' });
        return `the broker closes all ${closed} connections (320 CONNECTION_FORCED); the shop keeps running`;
      },
      async recover() {
        const back = async () => (await broker.listConnections()).length >= closed;
        await eventually(back, { what: 'shop and consumer are connected again', withinMs: 60_000 });
        return 'shop and consumer have reconnected';
      },
    },
  };
}
