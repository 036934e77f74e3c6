/** Starting a server on a cluster that none runs on. */
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
/** The children of a server that was killed notice within two seconds, and hold its shared memory until then. */
const PREDECESSOR_MS = 5000;
const PORT_ATTEMPTS = 10;
/** A server that was ended hard reads its log of changes first, as long as that takes. */
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
    const told = textOf(log).slice(before);
    if (/could not bind|Address already in use/.test(told)) {
      if (start.port !== 0) throw portTaken(port);
      if (++portAttempts > PORT_ATTEMPTS) throw failed(start, `it found no free port: ${lastLines(told)}`);
      port = await freePort();
    } else if (/shared memory|lock file/.test(told) && performance.now() - begun < PREDECESSOR_MS) {
      await delay(100);
    } else {
      throw failed(start, `it ended while it started: ${lastLines(told)}`);
    }
  }
}

/** False when it ended by itself. Any failure ends it first. */
async function becomesReady(start: Start, postmaster: Postmaster, port: number): Promise<boolean> {
  const { cluster, passwords, notice, signal, folder } = start;
  let toldSlow = false;
  try {
    for (const begun = performance.now(); ; await delay(POLL_MS)) {
      signal?.throwIfAborted();
      if (!postmaster.isRunning()) return false;
      const found = readPidFile(cluster);
      if (found?.pid === postmaster.pid && found.status === 'ready') break;
      if (!toldSlow && performance.now() - begun > SLOW_START_MS) {
        toldSlow = true;
        notice(
          `PostgreSQL is still starting: it was ended hard and reads its log of changes; see ${folder}/server.log`,
        );
      }
    }
    const fault = await connectionProblem(passwords, port);
    if (fault !== undefined) throw failed(start, `it runs and cannot be used: ${fault}`);
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

/** Begins anew; that of the last start, which may say why it ended, is kept beside it. */
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
    `port ${port} of 127.0.0.1, which was asked for PostgreSQL, is taken by another program. End that one, or name another port; where none is named, a free one is used.`,
  );
}

// Adopts a server that outlived the process that started it.

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
    const who = classifyProcess(found.pid, cluster);
    if (who === 'another program') return undefined;
    const postmaster = postmasterOf(found.pid, binaries.binDir);
    if (found.status === 'stopping' && who === 'this server') {
      await postmaster.end();
      return undefined;
    }
    const fault = found.status === 'ready' ? await connectionProblem(passwords, found.port) : 'it is starting';
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
