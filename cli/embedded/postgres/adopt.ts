/** Adopts a server that outlived the process that started it. */
import { setTimeout as delay } from 'node:timers/promises';
import { identityOf, isRunning } from '../process-identity.js';
import { postmasterOf, readPidFile, whoIs } from './postmaster.js';
import { failed, faultAt, lastServer, type Running, type Start } from './start.js';

const POLL_MS = 20;
/** For one that says it is ready. */
const ANSWER_MS = 10_000;

/**
 * Undefined where none runs on the data, or none that is surely ours: whether its files can be used then, PostgreSQL says.
 *
 * @throws LoghiveError LOGHIVE_POSTGRES_FAILED when it runs and does not answer.
 */
export async function adopt(start: Start): Promise<Running | undefined> {
  const { cluster, passwords, binaries, signal } = start;
  for (const begun = performance.now(); ; await delay(POLL_MS)) {
    signal?.throwIfAborted();
    const found = readPidFile(cluster);
    if (found === undefined || !isRunning(identityOf(found.pid))) return undefined;
    const who = whoIs(found.pid, cluster);
    if (who === 'another program') return undefined;
    const postmaster = postmasterOf(found.pid, binaries.binDir);
    if (found.status === 'stopping' && who === 'this server') {
      await postmaster.end();
      return undefined;
    }
    const fault = found.status === 'ready' ? await faultAt(passwords, found.port) : 'it is starting';
    if (fault === undefined) {
      if (start.port === 0 || start.port === found.port) {
        return { postmaster, port: found.port, version: lastServer(start).version ?? binaries.version, adopted: true };
      }
      // Nobody else has a claim to it: it comes back on the port that was asked for.
      await postmaster.end();
      return undefined;
    }
    if (performance.now() - begun < ANSWER_MS) continue;
    if (who === 'unknown') return undefined;
    // Recovery takes as long as it takes.
    if (found.status !== 'ready') continue;
    throw failed(start, `process ${found.pid} runs on its data and does not answer: ${fault}. End it and start again`);
  }
}
