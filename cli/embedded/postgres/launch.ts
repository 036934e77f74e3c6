/** Launches a server on a cluster, or adopts one that is already running. */
import { existsSync, renameSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { LoghiveError } from '../../../src/errors.js';
import { freePort, isFree } from '../free-port.js';
import { identityOf, isRunning } from '../process-identity.js';
import { readTrustedFile } from '../trusted-file.js';
import { checkMajor } from './cluster.js';
import {
  classifyProcess,
  type Postmaster,
  postmasterOf,
  readPidFile,
  removeStalePidFile,
  spawnPostmaster,
} from './postmaster.js';
import { connectionProblem, failed, lastServer, type Running, remember, type Start } from './start.js';

const POLL_MS = 20;
/**
 * How long to retry after a predecessor was killed, in milliseconds. Its child processes notice within two seconds and
 * hold its shared memory until then.
 */
const PREDECESSOR_MS = 5000;
const PORT_ATTEMPTS = 10;
/**
 * After this time, report that the server is still starting. After a hard stop it replays its write-ahead log first.
 */
const SLOW_START_MS = 10_000;

/** @throws LoghiveError LOGHIVE_POSTGRES_VERSION, LOGHIVE_PORT_TAKEN, LOGHIVE_POSTGRES_FAILED */
export async function launch(start: Start): Promise<Running> {
  const { cluster, binaries, signal, user } = start;
  checkMajor(cluster, binaries);
  let port = await choosePort(start);
  const log = openLog(start.folder);
  const begun = performance.now();
  for (let portAttempts = 1; ; ) {
    signal?.throwIfAborted();
    removeStalePidFile(cluster);
    remember(start, port);
    const before = textOf(log).length;
    const postmaster = await spawnPostmaster({ binDir: binaries.binDir, cluster, port, log }, user);
    if (await becomesReady(start, postmaster, port)) {
      return { postmaster, port, version: binaries.version, adopted: false };
    }
    const output = textOf(log).slice(before);
    if (/could not bind|Address already in use/.test(output)) {
      if (start.port !== 0) throw portTaken(port);
      if (++portAttempts > PORT_ATTEMPTS) throw failed(start, `no free port found: ${lastLines(output)}`);
      port = await freePort();
    } else if (/shared memory|lock file/.test(output) && performance.now() - begun < PREDECESSOR_MS) {
      await delay(100);
    } else {
      throw failed(start, `it exited during startup: ${lastLines(output)}`);
    }
  }
}

/** Returns false if the server exited. On any other failure it is stopped. */
async function becomesReady(start: Start, postmaster: Postmaster, port: number): Promise<boolean> {
  const { cluster, passwords, notice, signal, folder } = start;
  let hasReportedSlow = false;
  try {
    for (const begun = performance.now(); ; await delay(POLL_MS)) {
      signal?.throwIfAborted();
      if (!postmaster.isRunning()) return false;
      const found = readPidFile(cluster);
      if (found?.pid === postmaster.pid && found.status === 'ready') break;
      if (!hasReportedSlow && performance.now() - begun > SLOW_START_MS) {
        hasReportedSlow = true;
        notice(
          `PostgreSQL is still starting: it was not shut down cleanly and is replaying its write-ahead log; see ${folder}/server.log`,
        );
      }
    }
    const fault = await connectionProblem(passwords, port);
    if (fault !== undefined) throw failed(start, `it is running but cannot be used: ${fault}`);
    return true;
  } catch (error) {
    await postmaster.end();
    throw error;
  }
}

async function choosePort(start: Start): Promise<number> {
  if (start.port !== 0) {
    if (await isFree(start.port)) return start.port;
    throw portTaken(start.port);
  }
  const { port } = lastServer(start);
  return port !== undefined && (await isFree(port)) ? port : freePort();
}

/** Starts a new log. The previous one, which may show why the server ended, is kept beside it. */
function openLog(folder: string): string {
  const log = path.join(folder, 'server.log');
  if (existsSync(log)) renameSync(log, path.join(folder, 'server.previous.log'));
  return log;
}

function textOf(log: string): string {
  return readTrustedFile(log)?.text ?? '';
}

const lastLines = (text: string) => text.trim().split('\n').slice(-5).join(' ');

function portTaken(port: number): LoghiveError {
  return new LoghiveError(
    'LOGHIVE_PORT_TAKEN',
    `port ${port} of 127.0.0.1, requested for PostgreSQL, is used by another program. Stop it, or choose another port; without one, a free port is chosen.`,
  );
}

// Adopts a server that outlived the process that started it.

/** Time limit for a server that reports it is ready, in milliseconds. */
const ANSWER_MS = 10_000;

/**
 * Undefined if no server runs on the data, or none that is certainly ours; PostgreSQL itself then decides whether it
 * can use the files.
 *
 * @throws LoghiveError LOGHIVE_POSTGRES_FAILED if it runs and does not answer.
 */
export async function adopt(start: Start): Promise<Running | undefined> {
  const { cluster, passwords, binaries, signal } = start;
  for (const begun = performance.now(); ; await delay(POLL_MS)) {
    signal?.throwIfAborted();
    const found = readPidFile(cluster);
    if (found === undefined || !isRunning(identityOf(found.pid))) return undefined;
    const who = classifyProcess(found.pid, cluster);
    if (who === 'another program') return undefined;
    const postmaster = postmasterOf(found.pid, binaries.binDir);
    if (found.status === 'stopping' && who === 'this server') {
      await postmaster.end();
      return undefined;
    }
    const fault = found.status === 'ready' ? await connectionProblem(passwords, found.port) : 'it is still starting';
    if (fault === undefined) {
      if (start.port === 0 || start.port === found.port) {
        return { postmaster, port: found.port, version: lastServer(start).version ?? binaries.version, adopted: true };
      }
      // Nobody else uses it, so restart it on the requested port.
      await postmaster.end();
      return undefined;
    }
    if (performance.now() - begun < ANSWER_MS) continue;
    if (who === 'unknown') return undefined;
    // Crash recovery has no time limit.
    if (found.status !== 'ready') continue;
    throw failed(
      start,
      `process ${found.pid} is running on its data but does not answer: ${fault}. Stop it and start again`,
    );
  }
}
