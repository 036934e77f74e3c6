/** The servers of `loghive dev`: nothing has to be installed for them. The broker lives in a process of its own. */
import path from 'node:path';
import { findPostgresBinaries, startEmbeddedPostgres } from '../../dist/esm/cli/embedded/postgres/index.js';
import { startDevelopmentBroker } from '../../test/support/development-broker.mjs';
import { startAll } from '../../test/support/start-all.mjs';
import { eventually } from '../../test/support/wait.mjs';

export const intention = 'starting a development broker and a PostgreSQL, as loghive dev does';

const dataIn = (folder) => path.join(folder, 'postgres');

/** What a killed demo leaves, for startWatchdog. The broker ends by itself. */
export function leftovers(folder) {
  const cluster = path.join(dataIn(folder), 'data');
  return [{ pidFile: path.join(cluster, 'postmaster.pid'), mark: cluster }];
}

/** @param folder one that the user can reach whom PostgreSQL runs as */
export async function startServers(folder) {
  const binaries = findPostgresBinaries();
  if (binaries === undefined) throw new Error('no PostgreSQL found: run npm ci, with optional dependencies');
  const [[broker, postgres], stop] = await startAll([
    startDevelopmentBroker(),
    // Programs that this user cannot reach are copied into the folder, so that they are gone with it.
    startEmbeddedPostgres({ folder: dataIn(folder), binaries, places: [path.join(folder, 'programs')] }),
  ]);
  let cut = 0;
  return {
    names: `${broker.product} on port ${broker.port}, PostgreSQL ${postgres.version} on port ${postgres.port}`,
    broker: `${broker.product} ${broker.version}`,
    brokerUrl: broker.url,
    databaseUrl: postgres.url,
    listQueues: () => broker.listQueues(),
    stop,
    /** It keeps everything in memory: it cannot be killed and come back, but it can hang up on everybody. */
    fault: {
      counts: { brokerRestarts: 0, brokerCuts: 1 },
      async strike() {
        cut = await broker.closeConnections({ reason: 'the demo cuts all connections' });
        return `the broker cuts all ${cut} connections (320 CONNECTION_FORCED); the shop goes on`;
      },
      async mend() {
        const back = async () => (await broker.listConnections()).length >= cut;
        await eventually(back, { what: 'shop and consumer are connected again', withinMs: 60_000 });
        return 'shop and consumer have found their way back by themselves';
      },
    },
  };
}
